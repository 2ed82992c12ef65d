"""Answers by class while tasks are evaluated, where a source names the classes in its columns."""

from typing import Any

import torch
from torch import Tensor

from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.reports.by_class import ByClass, ClassTally
from quickstudy.tasks.fixed_columns import FixedColumns
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["Answers"]


class Answers:
    """Adds up which class was named for which.

    Args:
        classes: the class in each column of each task of the list, (T, N).
        tally: of the classes' names.
    """

    def __init__(self, classes: Tensor, tally: ClassTally) -> None:
        self.classes, self.tally = classes, tally

    @classmethod
    def of(cls, source: TaskSource[Any], plan: Plan, likelihood: Likelihood) -> "Answers | None":
        """None where targets are no classes, or the source does not name them."""
        found = source.named_columns(plan) if isinstance(likelihood, Categorical) else None
        if found is None:
            return None
        return cls(found[0], ClassTally(found[1], "column" if isinstance(source, FixedColumns) else "class"))

    def add(self, outputs: Tensor, y: Tensor, mask: Tensor, first: int, columns: Tensor | None = None) -> None:
        """Outputs (B, Q, N) of the tasks from number ``first`` on; ``columns``: those of the task that are left, of ONE task."""
        outputs, y, mask = outputs.cpu(), y.cpu(), mask.cpu()
        classes = self.classes[first : first + y.shape[0]]
        classes = classes if columns is None else classes[:, columns.cpu()[: classes.shape[1]]]
        if outputs.shape != y.shape or y.ndim != 3 or classes.shape[1] > y.shape[2]:
            return  # maps of pixels, outputs of another form: nothing is named by column
        classes = torch.nn.functional.pad(classes, (0, y.shape[2] - classes.shape[1]), value=-1)
        best = (outputs == outputs.amax(-1, keepdim=True)).double()
        named = best / best.sum(-1, keepdim=True).clamp(min=1)
        counted = (mask > 0) & (y.sum(-1) > 0)
        self.tally.add(named.numpy(), y.numpy(), counted.numpy(), classes.numpy())

    def result(self) -> ByClass | None:
        """Of all tasks so far."""
        return self.tally.result()
