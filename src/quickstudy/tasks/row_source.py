"""A source that draws tasks from the rows of a finite data set, each of which an encoder need meet only once."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from quickstudy.task import Inputs, Task
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import Encoder, Indexed, Plan, TaskSource

__all__ = ["RowSource"]

PlanT = TypeVar("PlanT", bound=Plan)


class RowSource(TaskSource[PlanT]):
    """Plans row numbers; the rows are put into tasks raw, or as features that were computed before.

    A subclass that writes `gather` itself changes rows in a way of its own: then nothing is shared, and each task is encoded.
    """

    @property
    @abstractmethod
    def data(self) -> Indexed:
        """The index or the table whose rows are planned; sources of one index share its encoded rows."""

    @abstractmethod
    def arrange(self, plan: PlanT, gather: Callable[[Tensor], Inputs]) -> Task:
        """The planned tasks with ``gather(rows)`` for inputs: raw rows, or features that were computed before."""

    def planned_rows(self, plan: PlanT) -> Tensor:
        """The row numbers that tasks consist of, in any order and shape."""
        if not isinstance(plan, RowPlan):
            raise NotImplementedError(f"{type(self).__name__} plans rows in a record of its own: write planned_rows.")
        return torch.cat([plan.support_rows.flatten(), plan.query_rows.flatten()])

    def gather(self, plan: PlanT) -> Task:
        return self.arrange(plan, self.data.gather)

    def rows(self, plan: PlanT) -> Sequence[tuple[Indexed, Tensor]]:
        return [(self.data, self.planned_rows(plan))] if self._shares else []

    def encoded(self, plan: PlanT, encoder: Encoder) -> Task:
        if not self._shares:
            return super().encoded(plan, encoder)
        return self.arrange(plan, lambda rows: encoder.rows(self.data, rows))

    @property
    def _shares(self) -> bool:
        gather: Any = type(self).gather
        return gather is RowSource.gather
