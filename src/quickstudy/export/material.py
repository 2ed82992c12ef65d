"""Inputs on which programs are traced and tested: made up by a fixed seed, so that no file holds anybody's data."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.functional.tree import leading, map_leaves
from quickstudy.inputs.made_up import made_up
from quickstudy.learner import Learner, Predictor
from quickstudy.task import Examples, Inputs

__all__ = ["ROWS", "Material", "material"]

ROWS = 64
"""Rows that are made up; a larger support set takes them again."""


@dataclass(frozen=True)
class Material:
    """Rows of raw inputs, and their targets where the likelihood is of values.

    Args:
        x: rows.
        y: values or labels of these rows, for learners of such.
        kind: of the targets.
    """

    x: Inputs
    y: Tensor | None
    kind: str

    def queries(self, count: int, start: int = 0) -> Inputs:
        """``count`` rows."""
        rows = (torch.arange(count) + start) % leading(self.x)
        return map_leaves(lambda leaf: leaf[rows], self.x)

    def support(self, ways: int, examples: int, start: int = 0) -> Examples:
        """A support set: classes in turn; values as they are; labels that differ from row to row."""
        rows = torch.arange(examples)
        x = self.queries(examples, start)
        if self.kind == "classes":
            y = torch.nn.functional.one_hot(rows % ways, ways).to(torch.get_default_dtype())
        elif self.kind == "labels":
            y = ((rows[:, None] // (1 + torch.arange(ways))) % 2).to(torch.get_default_dtype())
        elif self.y is not None:
            y = self.y[(rows + start) % self.y.shape[0]]
        else:
            y = torch.randn(examples, 1, generator=_generator())
        return Examples(x, y, torch.ones(examples, dtype=y.dtype))


def material(thing: Learner[Any] | Predictor, like: Examples | None = None) -> Material:
    """Rows as a learner or a predictor reads them.

    Args:
        thing: a learner or a predictor.
        like: a support set of raw inputs; rows are made up that have its shape, means and deviations.

    Raises:
        LearnerError: nothing says what an input looks like.
    """
    learner = thing.learner if isinstance(thing, Predictor) else thing
    kind = learner.likelihood.targets
    if like is not None:
        real = like.trim()
        return Material(map_leaves(_alike, real.x), _alike(real.y) if kind == "values" else None, kind)
    rows = thing.rows if isinstance(thing, Predictor) else None
    return Material(made_up(thing.reads, rows, ROWS), None, kind)


def _alike(leaf: Tensor) -> Tensor:
    """Rows with the means and deviations of given ones, of masks and whole numbers with what they hold in each place."""
    count, generator = leaf.shape[0], _generator()
    if leaf.is_floating_point() and not bool(((leaf == 0) | (leaf == 1)).all()):
        mean, deviation = leaf.mean(0), leaf.std(0, correction=0)
        return mean + deviation * torch.randn(ROWS, *leaf.shape[1:], generator=generator).to(leaf)
    rows = torch.randint(0, count, (ROWS, *leaf.shape[1:]), generator=generator).to(leaf.device)
    return leaf.gather(0, rows)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
