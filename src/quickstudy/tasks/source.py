"""A source of tasks first plans (which rows, which columns), then gathers the numbers.

A plan is small and frozen: it gives evaluations their digest, lets an encoder see each row once, and reaches data larger
than memory.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

import torch
from torch import Tensor

from quickstudy.functional.tree import leading, leaves, map_leaves
from quickstudy.task import Task

__all__ = ["Plan", "TaskSource", "generator_of", "rows_seen"]


@dataclass(frozen=True)
class Plan:
    """A batch of planned tasks: every field a tensor (or a tree of them) with the task as leading axis."""

    apart: ClassVar[Literal["classes", "rows"] | None] = None
    """What no two of these tasks share, if that is promised."""

    def __len__(self) -> int:
        return leading([getattr(self, field.name) for field in fields(self)])

    def __getitem__(self, tasks: Any) -> Self:
        return type(self)(*[map_leaves(lambda leaf: leaf[tasks], getattr(self, f.name)) for f in fields(self)])

    def digest(self) -> str:
        """A fingerprint of the task list: equal plans, equal digests."""
        found = hashlib.sha256(type(self).__name__.encode())
        for field in fields(self):
            for leaf in leaves(getattr(self, field.name)):
                found.update(f"{field.name}{tuple(leaf.shape)}{leaf.dtype}".encode())
                found.update(leaf.contiguous().numpy().tobytes())
        return found.hexdigest()[:16]


PlanT = TypeVar("PlanT", bound=Plan)


class TaskSource(ABC, Generic[PlanT]):
    """Where tasks come from."""

    name: str = "tasks"

    @abstractmethod
    def plan(self, batch: int, generator: torch.Generator | None = None) -> PlanT:
        """Plans ``batch`` tasks; the generator alone decides which."""

    @abstractmethod
    def gather(self, plan: PlanT) -> Task:
        """The planned tasks, stacked along a leading axis."""

    def digest(self, plan: PlanT) -> str:
        """The fingerprint of a task list: of its source's name and its plan."""
        return hashlib.sha256(f"{self.name}:{plan.digest()}".encode()).hexdigest()[:16]

    def sample(self, batch: int, generator: torch.Generator | None = None) -> Task:
        """``batch`` tasks, stacked along a leading axis."""
        return self.gather(self.plan(batch, generator))


def generator_of(*seeds: int) -> torch.Generator:
    """A generator that depends on all of ``seeds`` and on nothing else.

    >>> a, b = generator_of(0, 1), generator_of(0, 1)
    >>> bool(torch.rand(1, generator=a) == torch.rand(1, generator=b))
    True
    """
    mixed = hashlib.sha256(",".join(map(str, seeds)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(mixed[:8], "little") >> 1)


def rows_seen(*rows: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The distinct row numbers in ``rows``, sorted, and where each of the given ones stands among them."""
    distinct = torch.unique(torch.cat([r.reshape(-1) for r in rows]))
    return distinct, [torch.searchsorted(distinct, r) for r in rows]
