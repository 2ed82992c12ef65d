"""What tasks out of a data set are planned as: which rows, in which columns, of which classes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.functional.tree import leaves
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.source import Plan

__all__ = ["RowPlan", "TaskPlan", "task_of"]


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


def task_of(plan: RowPlan, gather: Callable[[Tensor], Inputs]) -> Task:
    """The planned tasks of classes, with ``gather(rows)`` for inputs."""
    ways = plan.classes.shape[1]
    sides = [
        (plan.support_rows, plan.support_columns, plan.support_mask),
        (plan.query_rows, plan.query_columns, plan.query_mask),
    ]
    parts = []
    for rows, columns, real in sides:
        x = gather(rows)
        kind = leaves(x)[0].dtype  # features may be a tree
        mask = real.to(kind if kind.is_floating_point else torch.get_default_dtype())
        parts.append(Examples(x, torch.nn.functional.one_hot(columns, ways) * mask[..., None], mask))
    return Task(*parts)
