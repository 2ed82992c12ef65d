"""Disjoint tasks: no two of a list share a class, or an example; then the plain interval over tasks is valid.

Source: Lafargue, Smith, Vermet, Lowe, Gripon & Duffner, 2024, Oops, I sampled it again: reinterpreting confidence intervals
in few-shot learning.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan

__all__ = ["ClassesApart", "DisjointClasses", "DisjointRows", "RowsApart"]


@dataclass(frozen=True)
class ClassesApart(RowPlan):
    """Planned tasks of which no two share a class."""

    apart: ClassVar[Literal["classes", "rows"] | None] = "classes"


@dataclass(frozen=True)
class RowsApart(RowPlan):
    """Planned tasks of which no two share an example."""

    apart: ClassVar[Literal["classes", "rows"] | None] = "rows"


class DisjointClasses(FewShot):
    """Lists of tasks in which each class is used once: the interval over these tasks holds for new classes, too.

    There are few such tasks, 84 of 5 ways in Omniglot's 423 test characters; the price of an interval without a model.

    Args:
        source: of whose classes and sizes the tasks are; its ways are fixed.

    Raises:
        TaskError: ways that vary, or (when planning) more tasks than there are classes for.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> index = from_arrays(torch.randn(60, 4), torch.arange(60) % 12)
    >>> source = DisjointClasses(FewShot(index, ways=5, queries=2))
    >>> source.most, source.plan(2).classes.unique().numel()
    (2, 10)
    """

    def __init__(self, source: FewShot) -> None:
        _require_one_number_of_ways(source)
        super().__init__(source.index, source.ways, source.shots, source.queries, balanced=source.balanced, sizes=source.sizes)
        self.name = f"{source.name}, disjoint classes"

    @property
    def most(self) -> int:
        """How many tasks there can be."""
        return len(self.index.classes) // self.ways[0]

    def plan(self, batch: int, generator: torch.Generator | None = None) -> ClassesApart:
        if batch > self.most:
            raise TaskError(
                f"{self.index.name} has {len(self.index.classes)} classes, enough for {self.most} tasks of {self.ways[0]} ways "
                f"that share none, not for {batch}. Use tasks={self.most} or fewer."
            )
        plan = super().plan(batch, generator)
        return ClassesApart(*[getattr(plan, field.name) for field in fields(plan)])

    def _classes(self, ways: Tensor, sides: Tensor | None, generator: torch.Generator | None) -> Tensor:
        order = torch.randperm(len(self.index.classes), generator=generator)
        classes = order[: len(ways) * self.ways[0]].reshape(len(ways), self.ways[0])
        if sides is None:
            return classes
        need = (1, 1) if self.sizes else (self.shots[1], self.queries)
        for _ in range(200):  # the groups of a task are divided until its classes have enough rows on both sides
            short = ~self._enough(sides, need).gather(1, classes).all(1)
            if not short.any():
                return classes
            sides[short] = torch.rand(sides[short].shape, generator=generator) < 0.5
        raise TaskError(f"{self.index.name}: no division of its groups leaves each class {need[0]} shots and {need[1]} queries.")


class DisjointRows(FewShot):
    """Lists of tasks in which each example is used once, where there are too few classes to use these once.

    Classes come again in many tasks, so the interval over tasks holds for other examples of the same classes.

    Args:
        source: of whose classes and sizes the tasks are; its ways and shots are fixed, its index has no groups.

    Raises:
        TaskError: sizes that vary, groups, or (when planning) more tasks than there are examples for.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> index = from_arrays(torch.randn(60, 4), torch.arange(60) % 6)
    >>> source = DisjointRows(FewShot(index, ways=3, shots=1, queries=4))
    >>> plan = source.plan(4)
    >>> torch.cat([plan.support_rows, plan.query_rows], 1).unique().numel()  # 4 tasks · 3 classes · 5 examples
    60
    """

    def __init__(self, source: FewShot) -> None:
        _require_one_number_of_ways(source)
        if source.shots[0] != source.shots[1] or source.sizes is not None:
            raise TaskError(f"{source.name}: disjoint rows are planned for one number of shots. Give a single number.")
        if source.index.groups is not None:
            raise TaskError(f"{source.index.name} has groups, which disjoint rows would split. Use disjoint classes.")
        if source.index.equal_together:
            raise TaskError(
                f"{source.index.name} keeps equal rows together, which disjoint rows would not. Use disjoint classes."
            )
        super().__init__(source.index, source.ways, source.shots, source.queries)
        self.name = f"{source.name}, disjoint rows"
        self.each = self.shots[0] + self.queries

    @property
    def most(self) -> int:
        """How many tasks there can be: a class of R rows serves ``R // (shots + queries)`` tasks, each task N classes."""
        times = self._counts // self.each
        tasks = int(times.sum()) // self.ways[0]
        while tasks and int(times.clamp(max=tasks).sum()) < tasks * self.ways[0]:
            tasks -= 1
        return tasks

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowsApart:
        if batch > self.most:
            raise TaskError(
                f"{self.index.name} has examples for {self.most} tasks of {self.ways[0]} ways with {self.each} examples of each "
                f"class that share none, not for {batch}. Use tasks={self.most} or fewer."
            )
        ways, shots = self.ways[0], self.shots[0]
        left = self._counts // self.each
        keys = torch.rand(self._rows.shape, generator=generator).masked_fill(~self._real, 2)
        shuffled = self._rows.gather(1, keys.argsort(dim=1))
        classes, rows = torch.empty(batch, ways, dtype=torch.long), torch.empty(batch, ways, self.each, dtype=torch.long)
        for task in range(batch):
            chosen = self._most_left(left, batch - task, generator)
            left[chosen] -= 1
            places = left[chosen, None] * self.each + torch.arange(self.each)
            classes[task], rows[task] = chosen, shuffled[chosen].gather(1, places)
        sides = [self._side(part, generator) for part in (rows[..., :shots], rows[..., shots:])]
        return RowsApart(*sides[0], *sides[1], classes)

    def _most_left(self, left: Tensor, tasks: int, generator: torch.Generator | None) -> Tensor:
        """N classes with examples left; those that all tasks to come need to be in are taken first, the rest at random."""
        chance = torch.rand(len(left), generator=generator) + 2.0 * (left >= tasks)
        return chance.masked_fill(left == 0, -1).topk(self.ways[0]).indices

    def _side(self, rows: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (B, N, K) as rows, columns and mask (B, N·K), in random order within each task."""
        columns = torch.arange(rows.shape[1])[None, :, None].expand(rows.shape).flatten(1)
        order = torch.rand(columns.shape, generator=generator).argsort(dim=1)
        return rows.flatten(1).gather(1, order), columns.gather(1, order), torch.ones_like(columns, dtype=torch.bool)


def _require_one_number_of_ways(source: FewShot) -> None:
    if source.ways[0] != source.ways[1]:
        raise TaskError(f"{source.name}: disjoint tasks need one number of ways. Give a single number.")
