"""A robot in a simulator: what it sees, what it does, and who shows it; environments of gymnasium are such robots."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import TaskError

__all__ = ["GymnasiumRobot", "Robot"]


class Robot(ABC):
    """One robot, which is set to a goal that it does not see, moves step by step, and may be shown how."""

    name: str = "robot"
    shakes: Tensor | float = 1.0
    """How far each number of an action shakes in a demonstration, of its usual noise."""

    @abstractmethod
    def begin(self, goal: Tensor, seed: int) -> Tensor:
        """A new start with this goal (G,): what is seen there (D,). The same seed gives the same start."""

    @abstractmethod
    def move(self, action: Tensor) -> tuple[Tensor, bool]:
        """What is seen (D,) after an action (A,), and whether the task is done there."""

    @abstractmethod
    def shown(self) -> Tensor:
        """The action (A,) of who knows the goal, here."""


class GymnasiumRobot(Robot):
    """An environment of gymnasium, with actions and what is seen as vectors of numbers.

    It is reset with ``options={"goal": …}``, and done where ``info["success"]`` or, without that, ``terminated`` is true.

    Args:
        environment: made already, with the methods ``reset`` and ``step`` of ``gymnasium.Env``.
        expert: from what is seen and the goal to an action.

    Raises:
        TaskError: what is seen is no vector of finite numbers.
    """

    def __init__(self, environment: Any, expert: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.environment, self.expert = environment, expert
        self.name = str(getattr(getattr(environment, "spec", None), "id", None) or type(environment).__name__)
        self.goal, self.now = torch.zeros(0), torch.zeros(0)

    def begin(self, goal: Tensor, seed: int) -> Tensor:
        seen, _ = self.environment.reset(seed=seed, options={"goal": goal.numpy()})
        self.goal, self.now = goal, self._numbers(seen)
        return self.now

    def move(self, action: Tensor) -> tuple[Tensor, bool]:
        space = self.environment.action_space
        cut = np.clip(action.numpy(), space.low, space.high).astype(space.dtype)
        seen, _, terminated, _, info = self.environment.step(cut)
        self.now = self._numbers(seen)
        return self.now, bool(info.get("success", terminated))

    def shown(self) -> Tensor:
        return self.expert(self.now, self.goal)

    def _numbers(self, seen: Any) -> Tensor:
        try:
            found = torch.as_tensor(np.asarray(seen, dtype=np.float32))
        except (TypeError, ValueError):
            found = torch.zeros(())
        if found.ndim != 1 or not bool(found.isfinite().all()):
            raise TaskError(
                f"{self.name} shows {type(seen).__name__} instead of a vector of finite numbers. Wrap it, for example in "
                "gymnasium.wrappers.FlattenObservation."
            )
        return found
