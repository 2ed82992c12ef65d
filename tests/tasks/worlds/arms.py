"""A robot that needs no simulator: a hand in the plane that is to go to a goal which it does not see."""

import torch
from torch import Tensor

from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.robot import Robot


class Hand(Robot):
    """Starts by chance in the square, moves by a fifth of an action, and is done within 0.1 of the goal."""

    name = "hand"

    def __init__(self) -> None:
        self.goal, self.place = torch.zeros(2), torch.zeros(2)

    def begin(self, goal: Tensor, seed: int) -> Tensor:
        self.goal, self.place = goal, 2 * torch.rand(2, generator=generator_of(seed)) - 1
        return self.place

    def move(self, action: Tensor) -> tuple[Tensor, bool]:
        self.place = self.place + 0.2 * action.clamp(-1, 1)
        return self.place, bool((self.place - self.goal).norm() < 0.1)

    def shown(self) -> Tensor:
        return ((self.goal - self.place) / 0.2).clamp(-1, 1)
