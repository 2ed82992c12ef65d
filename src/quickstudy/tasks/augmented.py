"""What augmentations of tasks share: a plan that holds, beside the tasks' own plans, one seed for each task."""

import copy
import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Likelihood
from quickstudy.task import Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["Augmented", "AugmentedPlan"]


@dataclass(frozen=True)
class AugmentedPlan(Plan):
    """Plans of the tasks that an augmentation starts from, one or two, and a seed of each task, (B,)."""

    plans: tuple[Plan, ...]
    seeds: Tensor

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, tasks: Any) -> "AugmentedPlan":
        return AugmentedPlan(tuple(plan[tasks] for plan in self.plans), self.seeds[tasks])

    def digest(self) -> str:
        return "-".join([*(plan.digest() for plan in self.plans), self.seeds.numpy().tobytes().hex()])


class Augmented(TaskSource[AugmentedPlan]):
    """Tasks of another source, changed by random numbers that depend on the plan alone.

    All that is random of a task is a function of its seed, so runs resume bit for bit, and no task depends on another.

    Args:
        source: of the tasks. Evaluate on it, or on another plain source: what is changed here is for meta-training.
        name: what is done to them, a suffix of the source's name.
        of: how many tasks of the source each task is made of.
    """

    def __init__(self, source: TaskSource[Any], name: str, of: int = 1) -> None:
        self.source, self.of = source, of
        self.name = f"{source.name}, {name}"

    @property
    def likelihood(self) -> Likelihood:
        return self.source.likelihood

    @property
    def reads(self) -> InputKind | None:
        return self.source.reads

    def plan(self, batch: int, generator: torch.Generator | None = None) -> AugmentedPlan:
        plans = tuple(self.source.plan(batch, generator) for _ in range(self.of))
        return AugmentedPlan(plans, torch.randint(2**62, (batch,), generator=generator))

    def gather(self, plan: AugmentedPlan) -> Task:
        return self.changed([self.source.gather(part) for part in plan.plans], plan.seeds)

    def at(self, step: int) -> "Augmented":
        now = self.source.at(step)
        if now is self.source:
            return self
        other = copy.copy(self)
        other.source = now
        return other

    def observe(self, plan: AugmentedPlan, losses: Tensor) -> None:
        for part in plan.plans:
            self.source.observe(part, losses)

    def state_dict(self) -> dict[str, Any]:
        return self.source.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.source.load_state_dict(state)

    @abstractmethod
    def changed(self, drawn: list[Task], seeds: Tensor) -> Task:
        """The augmented tasks, from the plain ones and a seed of each, (B,)."""

    def digest(self, plan: AugmentedPlan) -> str:
        parts = [self.source.digest(part) for part in plan.plans]
        return hashlib.sha256(":".join([super().digest(plan), *parts]).encode()).hexdigest()[:16]
