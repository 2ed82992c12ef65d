"""The arm of Metaworld: pushes, picks and reaches, with goals that it does not see.

Source: Yu, Quillen, He, Julian, Narayan, Shively, Bellathur, Hausman, Finn & Levine, 2019, Meta-World: a benchmark and evaluation
for multi-task and meta reinforcement learning.
"""

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import choice, whole
from quickstudy.errors import MissingExtra, TaskError
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.robot import Robot

__all__ = ["ARM_TASKS", "MetaworldArm"]

ARM_TASKS = ("push-v3", "pick-place-v3", "reach-v3")

_SEEN = 7
_SCALE = np.array([5, 5, 5, 1, 5, 5, 5], np.float32)
_MIDDLE = np.array([0, 3, 0.5, 0, 0, 3, 0.1], np.float32)
_FINER = 20.0
_APART, _FIRST = 0.15, 16


class MetaworldArm(Robot):
    """One task of Metaworld, so that nothing but demonstrations says where the goal is.

    The environments as they are leak: each start is the same, so that a demonstration can be repeated blindly. Here the thing
    lies elsewhere at every start, at least 0.15 m from the goal; up to 15 random movements come first; and only the hand, the
    gripper and the thing are seen, 7 scaled numbers, and the way from the hand to the thing, 3 finer ones: neither the goal nor
    what was seen before. Metaworld's own script shows how.

    Args:
        task: of Metaworld.

    Raises:
        TaskError: another task.
        MissingExtra: metaworld is not installed.
    """

    shakes = torch.tensor([1.0, 1.0, 1.0, 0.0])

    def __init__(self, task: str = "push-v3") -> None:
        choice(TaskError, ARM_TASKS, task=task)
        try:
            import metaworld
            from metaworld.policies import ENV_POLICY_MAP
        except ImportError as error:
            raise MissingExtra(
                'tasks of Metaworld need metaworld and mujoco. Install them: pip install "quickstudy[robots]"'
            ) from error
        benchmark = metaworld.ML1(task, seed=0)
        self.name, self.expert = task, ENV_POLICY_MAP[task]()
        self.environment: Any = benchmark.train_classes[task]()
        self.environment.set_task(benchmark.train_tasks[0])
        space = self.environment._random_reset_space
        self.low, self.high = (torch.as_tensor(side, dtype=torch.float64) for side in (space.low, space.high))
        self.seen: Any = None

    def goals(self, count: int, seed: int) -> Tensor:
        """Goals anywhere that the task allows, (count, 3)."""
        whole(TaskError, count=count)
        luck = torch.rand(count, 3, generator=generator_of(seed, 29), dtype=torch.float64)
        return (self.low[3:] + (self.high[3:] - self.low[3:]) * luck).float()

    def begin(self, goal: Tensor, seed: int) -> Tensor:
        generator = generator_of(seed, 31)
        placed = self._placed(goal.double(), generator)
        world = self.environment
        world._freeze_rand_vec, world._last_rand_vec = True, placed.numpy()
        world.reset()
        world._partially_observable = True
        for _ in range(int(torch.randint(_FIRST, (), generator=generator))):
            world.step((2 * torch.rand(4, generator=generator) - 1).numpy())
        self.seen = world.step(np.zeros(4, np.float32))[0]
        return self._numbers()

    def move(self, action: Tensor) -> tuple[Tensor, bool]:
        self.seen, _, _, _, info = self.environment.step(action.clamp(-1, 1).numpy().astype(np.float32))
        return self._numbers(), bool(info["success"])

    def shown(self) -> Tensor:
        full = self.seen.copy()
        full[-3:] = self.environment._target_pos
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that actions will be cut, as they are here
            action = self.expert.get_action(full)
        return torch.as_tensor(np.clip(action, -1, 1), dtype=torch.float32)

    def _placed(self, goal: Tensor, generator: torch.Generator) -> Tensor:
        """Where thing and goal are, (6,), apart from each other."""
        while True:
            found = self.low + (self.high - self.low) * torch.rand(6, generator=generator, dtype=torch.float64)
            found[3:] = goal
            if float((found[:2] - goal[:2]).norm()) >= _APART:
                return found

    def _numbers(self) -> Tensor:
        numbers = self.seen[:_SEEN].astype(np.float32)
        return torch.from_numpy(np.concatenate([numbers * _SCALE - _MIDDLE, _FINER * (numbers[4:] - numbers[:3])]))
