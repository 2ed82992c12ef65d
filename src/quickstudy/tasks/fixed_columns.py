"""Few-shot tasks whose classes never change their column: tasks that can be memorised, to test whether a learner does."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan

__all__ = ["FixedColumns"]


class FixedColumns(FewShot):
    """N-way tasks in which class c is always in column ``c mod N``, one class of each column in every task.

    One function of a query alone solves all of these tasks, so nothing makes a learner read the support set: the
    non-mutually-exclusive setting of Yin, Tucker, Zhou, Levine & Finn, 2020, Meta-learning without memorization.

    Args:
        source: of whose classes and sizes the tasks are; its ways are fixed.

    Raises:
        TaskError: ways that vary.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> index = from_arrays(torch.randn(60, 4), torch.arange(60) % 12)
    >>> FixedColumns(FewShot(index, ways=3, queries=2)).plan(50).classes.remainder(3).unique(dim=0)
    tensor([[0, 1, 2]])
    """

    def __init__(self, source: FewShot) -> None:
        if source.ways[0] != source.ways[1]:
            raise TaskError(f"{source.name}: fixed columns need one number of ways. Give a single number.")
        super().__init__(source.index, source.ways, source.shots, source.queries, balanced=source.balanced, sizes=source.sizes)
        self.name = f"{source.name}, fixed columns"

    def named_columns(self, plan: RowPlan) -> tuple[Tensor, Sequence[str]]:
        """Columns, whose meaning is what never changes here, in place of the classes in them."""
        columns = self.ways[0]
        return torch.arange(columns).expand(len(plan), columns), [f"column {n}" for n in range(columns)]

    def _classes(self, ways: Tensor, sides: Tensor | None, generator: torch.Generator | None) -> Tensor:
        count, columns = len(self.index.classes), self.ways[0]
        rounds = -(-count // columns)
        classes = torch.arange(rounds * columns)
        scores = torch.rand(len(ways), rounds * columns, generator=generator).masked_fill(classes >= count, -1)
        if sides is None:
            return self._best(scores)
        need = (1, 1) if self.sizes else (self.shots[1], self.queries)
        for _ in range(200):  # the groups of a task are divided until each column has a class with enough rows on both sides
            enough = torch.nn.functional.pad(self._enough(sides, need), (0, rounds * columns - count))
            short = ~enough.view(-1, rounds, columns).any(1).all(1)
            if not short.any():
                return self._best(scores.masked_fill(~enough, -1))
            sides[short] = torch.rand(sides[short].shape, generator=generator) < 0.5
        raise TaskError(
            f"{self.index.name}: no division of its groups leaves each column a class with {need[0]} shots and "
            f"{need[1]} queries. Lower them."
        )

    def _best(self, scores: Tensor) -> Tensor:
        """The class of the highest score in each column, (B, N)."""
        columns = self.ways[0]
        return scores.view(len(scores), -1, columns).argmax(1) * columns + torch.arange(columns)
