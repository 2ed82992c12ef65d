"""Meta-augmentation: every task has its own targets, revealed only by its support set, so that no task can be memorised.

Source: Rajendran, Irpan & Jang, 2020, Meta-learning requires meta-augmentation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.targets import names_classes
from quickstudy.errors import TaskError
from quickstudy.functional.counted_random import counted_uniforms
from quickstudy.task import Examples, Task
from quickstudy.tasks.augmented import Augmented
from quickstudy.tasks.source import TaskSource

__all__ = ["Change", "Grown", "MetaAug", "Permuted", "Scaled", "Shifted"]

Change = Callable[[Task, Tensor], Task]
"""From a batch of tasks and a seed of each (B,), the same tasks with other targets; support and query must agree."""


@dataclass(frozen=True)
class Permuted:
    """Classes are assigned to other columns, ``y ← y Π`` with a permutation Π drawn uniformly for each task.

    Columns of absent classes stay where they are, so tasks of different ways may share a batch.
    """

    def __call__(self, tasks: Task, seeds: Tensor) -> Task:
        _require(tasks, classes=True)
        sides = (tasks.support, tasks.query)
        present = torch.stack([(side.y * side.mask[..., None]).sum(1) > 0 for side in sides]).any(0)
        keys = counted_uniforms(seeds, present.shape[1:])
        order = keys.masked_fill(~present, 2).argsort(dim=1)  # present columns, shuffled; absent ones behind
        places = (~present).int().argsort(dim=1, stable=True)  # present columns in order; absent ones behind
        source = torch.empty_like(order).scatter_(1, places, torch.where(present.gather(1, places), order, places))
        moved = [side.y.gather(2, source[:, None].expand(side.y.shape)) for side in sides]
        return _with_targets(tasks, *moved)


@dataclass(frozen=True)
class Shifted:
    """Values are shifted, ``y ← y + ε`` with ``ε ~ U[−width, width]`` for each task and output."""

    width: float = 1.0

    def __call__(self, tasks: Task, seeds: Tensor) -> Task:
        _require(tasks, classes=False)
        y = tasks.query.y
        move = self.width * (2 * counted_uniforms(seeds, y.shape[2:], 1) - 1).to(y.dtype)[:, None]
        return _with_targets(tasks, tasks.support.y + move, y + move)


@dataclass(frozen=True)
class Scaled:
    """Values are scaled, ``y ← c y`` with ``c ~ U[low, high]`` for each task and output.

    Where inputs contain a task's amplitude (see `OneHotSinusoid`), a shift leaves that knowledge useful, a factor does not.
    """

    low: float = 0.0
    high: float = 2.0

    def __call__(self, tasks: Task, seeds: Tensor) -> Task:
        _require(tasks, classes=False)
        y = tasks.query.y
        factor = (self.low + (self.high - self.low) * counted_uniforms(seeds, y.shape[2:], 2)).to(y.dtype)[:, None]
        return _with_targets(tasks, tasks.support.y * factor, y * factor)


@dataclass(frozen=True)
class Grown:
    """Values of a series grow by another rate, ``y ← y exp(r t)`` with ``r ~ U[−width, width]`` a year for each task.

    How fast series grew in the years of meta-training is then no guide to new ones: a learner must see it in the support set.

    Args:
        width: of r.
        years: how many years a unit of each input column is; t counts from the mean of the support set.
    """

    width: float
    years: tuple[float, ...]

    def __call__(self, tasks: Task, seeds: Tensor) -> Task:
        _require(tasks, classes=False)
        rate = self.width * (2 * counted_uniforms(seeds, (1, 1), 3) - 1).to(tasks.query.y.dtype)
        support, query = (side.x[..., : len(self.years)] @ side.x.new_tensor(self.years) for side in (tasks.support, tasks.query))
        mask = tasks.support.mask
        middle = (support * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        grown = [(rate[..., 0] * (t - middle) * m).exp()[..., None] for t, m in ((support, mask), (query, tasks.query.mask))]
        return _with_targets(tasks, tasks.support.y * grown[0], tasks.query.y * grown[1])


class MetaAug(Augmented):
    """The tasks of another source with targets changed anew in every task, alike in its support and query set.

    For classes this makes tasks mutually exclusive: no function of a query alone can solve them all. It is for
    meta-training; evaluate on the plain source.

    Args:
        source: of the tasks.
        change: what is done to the targets: `Permuted` for classes; `Shifted`, `Scaled` or a function of your own for values.

    Raises:
        TaskError: (when tasks are gathered) values for `Permuted`, classes for `Shifted` or `Scaled`.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> plain, moved = Sinusoid(), MetaAug(Sinusoid(), Shifted(2.0))
    >>> a = plain.sample(1, torch.Generator().manual_seed(0))
    >>> b = moved.sample(1, torch.Generator().manual_seed(0))
    >>> move = b.query.y - a.query.y
    >>> bool(move.std() < 1e-6), torch.allclose(b.support.y - a.support.y, move[:, :1])
    (True, True)
    """

    def __init__(self, source: TaskSource[Any], change: Change = Permuted()) -> None:
        super().__init__(source, f"targets changed by {change!r}" if hasattr(change, "__dataclass_fields__") else _named(change))
        self.change = change

    def changed(self, drawn: list[Task], seeds: Tensor) -> Task:
        return self.change(drawn[0], seeds)


def _named(change: Change) -> str:
    return f"targets changed by {getattr(change, '__name__', type(change).__name__)}"


def _with_targets(tasks: Task, support: Tensor, query: Tensor) -> Task:
    sides = [(tasks.support, support), (tasks.query, query)]
    return Task(*[Examples(side.x, y * side.mask[..., None], side.mask) for side, y in sides])


def _require(tasks: Task, classes: bool) -> None:
    found = names_classes(tasks.query.y)
    if found and not classes:
        raise TaskError("the targets are classes, which cannot be shifted or scaled. Use MetaAug(source, Permuted()).")
    if classes and not found:
        raise TaskError("the targets are values, which have no columns to permute. Use MetaAug(source, Shifted()) or Scaled().")
