"""Inputs on which programs are traced and tested: made up by a fixed seed, so that no file holds anybody's data."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import Argument, LearnerError
from quickstudy.functional.tree import leading, map_leaves
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.molecules import DESCRIPTORS, Molecules
from quickstudy.inputs.row_shape import RowShape
from quickstudy.inputs.texts import Texts
from quickstudy.inputs.wordpiece import WordPieces
from quickstudy.learner import Learner, Predictor
from quickstudy.task import Examples, Inputs

__all__ = ["ROWS", "Material", "material", "queries_of"]

ROWS = 64
"""Rows that are made up; a larger support set takes them again."""

_PIECES = (1000, 29_000)
"""Numbers of whole words in the vocabulary."""


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
    return Material(queries_of(thing.reads, rows), None, kind)


def queries_of(reads: InputKind | None, rows: RowShape | None) -> Inputs:
    """Made-up rows of an input kind, or else of a shape.

    Raises:
        LearnerError: neither is known.
    """
    if isinstance(reads, InputKind) and (rows is None or reads.gives(rows)):
        found = _of_kind(reads)
        if found is not None:
            return found
    if rows is None:
        raise LearnerError(
            "this learner does not say what its inputs look like. Give a support set of raw inputs: ",
            Argument("like"),
            ", or export the run that trained it.",
        )
    return _of_shape(rows)


def _of_kind(reads: InputKind) -> Tensor | None:
    generator = _generator()
    if isinstance(reads, Images):
        coarse = torch.rand(ROWS, reads.channels, 5, 5, generator=generator)
        smooth = torch.nn.functional.interpolate(coarse, size=reads.size, mode="bilinear")
        return (0.8 * smooth + 0.2 * torch.rand(ROWS, *reads.shape, generator=generator)).clamp(0, 1)
    if isinstance(reads, WordPieces):
        lengths = torch.randint(3, max(4, min(reads.length, 24)), (ROWS, 1), generator=generator)
        words = torch.randint(*_PIECES, (ROWS, reads.length), generator=generator)
        place = torch.arange(reads.length)[None]
        words = torch.where(place == 0, 101, torch.where(place == lengths - 1, 102, words))
        return torch.where(place < lengths, words, 0)
    if isinstance(reads, Texts):
        signs = torch.randn(ROWS, reads.width, generator=generator)
        signs = signs * (torch.rand(ROWS, reads.width, generator=generator) < min(1.0, 60 / reads.width))
        return torch.nn.functional.normalize(signs + (signs.abs().sum(1, keepdim=True) == 0), dim=1)
    if isinstance(reads, Molecules):
        count = reads.width - len(DESCRIPTORS)
        fragments = torch.randint(1, 4, (ROWS, count), generator=generator) * (
            torch.rand(ROWS, count, generator=generator) < 0.02
        )
        return torch.cat([torch.randn(ROWS, len(DESCRIPTORS), generator=generator).clamp(-3, 3), fragments], 1)
    if isinstance(reads, Columns):
        return torch.randn(ROWS, reads.width, generator=generator).clamp(-3, 3)
    return None


def _alike(leaf: Tensor) -> Tensor:
    """Rows with the means and deviations of given ones, of masks and whole numbers with what they hold in each place."""
    count, generator = leaf.shape[0], _generator()
    if leaf.is_floating_point() and not bool(((leaf == 0) | (leaf == 1)).all()):
        mean, deviation = leaf.mean(0), leaf.std(0, correction=0)
        return mean + deviation * torch.randn(ROWS, *leaf.shape[1:], generator=generator).to(leaf)
    rows = torch.randint(0, count, (ROWS, *leaf.shape[1:]), generator=generator).to(leaf.device)
    return leaf.gather(0, rows)


def _of_shape(rows: RowShape) -> Inputs:
    made = [_filled(shape, getattr(torch, dtype)) for _, shape, dtype in rows.tensors]
    if [place for place, _, _ in rows.tensors] == [""]:
        return made[0]
    tree: dict[str, Any] = {}
    for (place, _, _), leaf in zip(rows.tensors, made, strict=True):
        keys = place.removeprefix("['").removesuffix("']").split("']['")
        if not place.startswith("['"):
            raise LearnerError(f"inputs at {place} cannot be made up. Give a support set of raw inputs: ", Argument("like"), ".")
        below: Any = tree
        for key in keys[:-1]:
            below = below.setdefault(key, {})
        below[keys[-1]] = leaf
    return tree


def _filled(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Numbers about 1; whole ones are 0 or 1, which every vocabulary has."""
    generator = _generator()
    if dtype.is_floating_point:
        return torch.randn(ROWS, *shape, generator=generator).to(dtype)
    return torch.randint(0, 2, (ROWS, *shape), generator=generator).to(dtype)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
