"""A source that draws tasks from the rows of a finite data set, each of which an encoder need meet only once."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from quickstudy.task import Inputs, Task
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import TaskSource

__all__ = ["RowSource"]

RowPlanT = TypeVar("RowPlanT", bound=RowPlan)


class RowSource(TaskSource[RowPlanT]):
    """Plans row numbers; the rows are put into tasks raw, or as features that were computed before."""

    @abstractmethod
    def raw(self, rows: Tensor) -> Inputs:
        """Raw inputs of rows, by number."""

    @abstractmethod
    def arrange(self, plan: RowPlanT, gather: Callable[[Tensor], Inputs]) -> Task:
        """The planned tasks with ``gather(rows)`` for inputs: raw rows, or features that were computed before."""

    def gather(self, plan: RowPlanT) -> Task:
        return self.arrange(plan, self.raw)
