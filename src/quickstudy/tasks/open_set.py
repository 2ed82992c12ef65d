"""Open-set tasks: some queries are of classes that the support set lacks."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from quickstudy.borders.arguments import span, spelled
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.task import Examples, Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan

__all__ = ["OpenSet"]


class OpenSet(FewShot):
    """N-way K-shot tasks whose queries hold as many examples of each of some unknown classes: their target row is zero.

    Whether a learner recognises such queries is evaluated by `metrics.abstention_auroc`. Accuracy and losses
    pass the unknown queries over.

    Args:
        index: the classes to draw from.
        ways: N, known classes, or a range.
        shots: K, or a range.
        queries: query examples of each class, known or unknown.
        unknown: number of classes that only queries have.

    Raises:
        TaskError: as `FewShot`, or no unknown class.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> index = from_arrays(torch.randn(60, 4), torch.arange(60) % 6)
    >>> task = OpenSet(index, ways=3, shots=2, queries=4, unknown=2).sample(1)[0]
    >>> task.support.y.shape, task.query.y.shape, int((task.query.y.sum(1) == 0).sum())
    (torch.Size([6, 3]), torch.Size([20, 3]), 8)
    """

    def __init__(
        self,
        index: ClassIndex,
        ways: int | tuple[int, int] = 5,
        shots: int | tuple[int, int] = 1,
        queries: int = 15,
        *,
        unknown: int = 1,
    ) -> None:
        if unknown < 1:
            raise TaskError(f"unknown={unknown}: an open-set task needs at least one unknown class. For none: tasks.FewShot.")
        low, high = span(TaskError, ways=ways)
        super().__init__(index, (low + unknown, high + unknown), shots, queries)
        self.unknown = unknown
        sizes = f"{spelled((low, high))}-way {spelled(self.shots)}-shot {queries} queries"
        self.name = f"{index.name} {sizes}, {unknown} unknown {'class' if unknown == 1 else 'classes'}"

    def resized(
        self, *, ways: int | tuple[int, int] | None = None, shots: int | tuple[int, int] | None = None, queries: int | None = None
    ) -> "OpenSet":
        known = (self.ways[0] - self.unknown, self.ways[1] - self.unknown)
        given = (known if ways is None else ways, self.shots if shots is None else shots)
        return OpenSet(self.index, *given, self.queries if queries is None else queries, unknown=self.unknown)

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        """As of N + U classes; the support rows of the first U columns, which are in random order, are left out."""
        plan = super().plan(batch, generator)
        known = plan.support_mask & (plan.support_columns >= self.unknown)
        order = (~known).int().argsort(dim=1, stable=True)[:, : int(known.sum(1).max())]
        mask = known.gather(1, order)
        return replace(
            plan,
            support_rows=plan.support_rows.gather(1, order) * mask,
            support_columns=plan.support_columns.gather(1, order) * mask,
            support_mask=mask,
        )

    def named_columns(self, plan: RowPlan) -> tuple[Tensor, Sequence[str]]:
        return plan.classes[:, self.unknown :], self.index.classes

    def arrange(self, plan: RowPlan, gather: Callable[[Tensor], Tensor]) -> Task:
        task = super().arrange(plan, gather)
        return Task(*[Examples(side.x, side.y[..., self.unknown :], side.mask) for side in (task.support, task.query)])
