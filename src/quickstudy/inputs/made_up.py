"""Inputs made up by a fixed seed: the same rows on every machine and with every version of PyTorch."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import Argument, LearnerError
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.molecules import DESCRIPTORS, Molecules
from quickstudy.inputs.row_shape import RowShape
from quickstudy.inputs.texts import Texts
from quickstudy.inputs.wordpiece import WordPieces
from quickstudy.task import Inputs

__all__ = ["made_up"]

_PIECES = (1000, 29_000)
"""Numbers of whole words in the vocabulary."""


def made_up(reads: InputKind | None, rows: RowShape | None, count: int, most: float = math.inf) -> Inputs:
    """Made-up rows of an input kind, or else of a shape, as `InputKind.batch` gives them.

    The numbers are of NumPy's `RandomState`, whose streams never change.

    Args:
        reads: an input kind.
        rows: a shape, which the kind has to give if there are both.
        count: of rows.
        most: numbers in a row.

    Raises:
        LearnerError: neither is known, or a row has more numbers.

    >>> made_up(None, RowShape.of(torch.zeros(5, 3)), 2)
    tensor([[ 1.7641,  0.4002,  0.9787],
            [ 2.2409,  1.8676, -0.9773]])
    """
    if _numbers(reads, rows) > most:
        raise LearnerError(f"rows of more than {most:,} numbers are not made up. Give a support set: ", Argument("like"), ".")
    if isinstance(reads, InputKind) and (rows is None or reads.gives(rows)):
        found = _of_kind(reads, count)
        if found is not None:
            return found
    if rows is None:
        raise LearnerError(
            "this learner does not say what its inputs look like. Give a support set of raw inputs: ",
            Argument("like"),
            ", or export the run that trained it.",
        )
    return _of_shape(rows, count)


def _numbers(reads: InputKind | None, rows: RowShape | None) -> int:
    if rows is not None:
        return sum(math.prod(shape) for _, shape, _ in rows.tensors)
    return math.prod(reads.shape) if isinstance(reads, Images) else 0  # the other kinds bound their width


def _of_kind(reads: InputKind, count: int) -> Tensor | None:
    drawn = np.random.RandomState(0)
    if isinstance(reads, Images):
        coarse = _uniform(drawn, count, reads.channels, 5, 5)
        smooth = torch.nn.functional.interpolate(coarse, size=reads.size, mode="bilinear")
        return (0.8 * smooth + 0.2 * _uniform(drawn, count, *reads.shape)).clamp(0, 1)
    if isinstance(reads, WordPieces):
        lengths = torch.from_numpy(drawn.randint(3, max(4, min(reads.length, 24)), (count, 1)))
        words = torch.from_numpy(drawn.randint(*_PIECES, (count, reads.length)))
        place = torch.arange(reads.length)[None]
        words = torch.where(place == 0, 101, torch.where(place == lengths - 1, 102, words))
        return torch.where(place < lengths, words, 0)
    if isinstance(reads, Texts):
        signs = _normal(drawn, count, reads.width)
        signs = signs * (_uniform(drawn, count, reads.width) < min(1.0, 60 / reads.width))
        return torch.nn.functional.normalize(signs + (signs.abs().sum(1, keepdim=True) == 0), dim=1)
    if isinstance(reads, Molecules):
        width = reads.width - len(DESCRIPTORS)
        fragments = torch.from_numpy(drawn.randint(1, 4, (count, width))) * (_uniform(drawn, count, width) < 0.02)
        return torch.cat([_normal(drawn, count, len(DESCRIPTORS)).clamp(-3, 3), fragments], 1)
    if isinstance(reads, Columns):
        return _normal(drawn, count, reads.width).clamp(-3, 3)
    return None


def _of_shape(rows: RowShape, count: int) -> Inputs:
    made = [_filled(shape, getattr(torch, dtype), count) for _, shape, dtype in rows.tensors]
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


def _filled(shape: tuple[int, ...], dtype: torch.dtype, count: int) -> Tensor:
    """Numbers about 0; whole ones are 0 or 1, which every vocabulary has."""
    drawn = np.random.RandomState(0)
    if dtype.is_floating_point:
        return _normal(drawn, count, *shape).to(dtype)
    return torch.from_numpy(np.asarray(drawn.randint(0, 2, (count, *shape)))).to(dtype)


def _uniform(drawn: np.random.RandomState, *shape: int) -> Tensor:
    return torch.from_numpy(np.asarray(drawn.random_sample(shape))).to(torch.get_default_dtype())


def _normal(drawn: np.random.RandomState, *shape: int) -> Tensor:
    return torch.from_numpy(np.asarray(drawn.standard_normal(shape))).to(torch.get_default_dtype())
