"""What tasks out of a data set are planned as: which rows, in which columns, of which classes."""

from dataclasses import dataclass

from torch import Tensor

from quickstudy.tasks.source import Plan

__all__ = ["RowPlan", "TaskPlan"]


@dataclass(frozen=True)
class RowPlan(Plan):
    """Planned tasks: row numbers, target columns and masks of support (B, S) and query (B, Q); classes (B, N), -1 = none."""

    support_rows: Tensor
    support_columns: Tensor
    support_mask: Tensor
    query_rows: Tensor
    query_columns: Tensor
    query_mask: Tensor
    classes: Tensor

    @property
    def clusters(self) -> Tensor:
        """What tasks share that new data would not, (B, N), -1 = none: their classes. Intervals for new ones resample these."""
        return self.classes


@dataclass(frozen=True)
class TaskPlan(RowPlan):
    """Planned tasks of a table; ``tasks`` (B,) are their numbers there. Where targets are values, classes are none."""

    tasks: Tensor

    @property
    def clusters(self) -> Tensor:
        """The tasks' numbers, (B, 1): the table's tasks are what tasks drawn from it share."""
        return self.tasks[:, None]
