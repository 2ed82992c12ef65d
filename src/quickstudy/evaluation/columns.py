"""Which target columns are classes of a task, and which are padding."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from quickstudy.functional.one_of import OneOf
from quickstudy.likelihood import Categorical, Labels, Likelihood
from quickstudy.metrics.predicted import Predicted
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["cut", "query_units", "said_of", "task_columns", "units_of"]


def task_columns(support: Examples, query: Examples, likelihood: Likelihood) -> Tensor:
    """The columns (N,) that are classes of this task: some real support row or query has them. Values, bits, candidates: all.

    Labels that no support row has are left out: they cannot be learned.

    A task without support rows (`tasks.Supervised`) has all its columns: nothing was padded.

    >>> from quickstudy.task import pad
    >>> support = pad(Examples.of(torch.zeros(2, 1), torch.tensor([0, 1])), 3, columns=4)
    >>> task_columns(support, support, Categorical())
    tensor([ True,  True, False, False])
    """
    everything = torch.ones(query.y.shape[1], dtype=torch.bool, device=query.y.device)
    of_classes = isinstance(likelihood, Categorical | Labels) and not isinstance(likelihood, OneOf)
    if not of_classes or not bool((support.mask > 0).any()):
        return everything
    if isinstance(likelihood, Labels):
        return likelihood.present(support.y, support.mask) > 0
    met = [(side.y[side.mask > 0] > 0).movedim(1, -1).flatten(0, -2).any(0) for side in (support, query)]
    return met[0] | met[1]


def said_of(outputs: Tensor, task: Task, likelihood: Likelihood, unit: Tensor | None = None) -> tuple[Predicted, Tensor]:
    """A learner's outputs for the real queries of ONE task, and their targets, in the task's own columns alone.

    ``unit`` (Q,) says which queries belong together.
    """
    real = task.query.mask > 0
    unit = None if unit is None else unit[real.cpu()]
    predicted, y = Predicted.of(outputs[real].cpu(), likelihood, unit), task.query.y[real].cpu()
    columns = task_columns(task.support, task.query, likelihood).cpu()
    if outputs.shape[1] != len(columns) or bool(columns.all()):
        return predicted, y
    return predicted.among(columns), y[:, columns]


def cut(examples: Examples, columns: Tensor) -> Examples:
    """The same rows with these target columns alone."""
    return examples if bool(columns.all()) else Examples(examples.x, examples.y[:, columns], examples.mask)


def units_of(x: Inputs) -> Tensor | None:
    """Which rows belong together, where inputs have a leaf of whole numbers called ``unit``: the words of a sentence.

    >>> units_of({"states": torch.zeros(3, 4), "unit": torch.tensor([7, 7, 8])}), units_of(torch.zeros(3, 4))
    (tensor([7, 7, 8]), None)
    """
    unit = x.get("unit") if isinstance(x, Mapping) else None
    return unit.cpu() if isinstance(unit, Tensor) and not unit.is_floating_point() else None


def query_units(source: TaskSource[Any], plan: Plan) -> Tensor | None:
    """Which queries of the planned tasks belong together, (B, Q); None where each stands alone.

    Raw inputs say it; features do not.
    """
    return units_of(source.gather(plan).query.x)
