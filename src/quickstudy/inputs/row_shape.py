"""Shape and dtype of one row of inputs: recorded from a support set, compared with every query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.errors import DataError, ShapeError
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.task import Inputs, inputs

__all__ = ["RowShape", "refuse_missing"]


@dataclass(frozen=True)
class RowShape:
    """Shape and type of number of each tensor of one row, by its place in the tree of inputs ("" for a single tensor).

    >>> shape = RowShape.of(torch.zeros(6, 1, 28, 28))
    >>> str(shape), shape.read(torch.zeros(1, 28, 28)).shape
    ('(1, 28, 28) of float32', torch.Size([1, 1, 28, 28]))
    """

    tensors: tuple[tuple[str, tuple[int, ...], str], ...]

    @classmethod
    def of(cls, x: Inputs) -> "RowShape":
        """Of inputs whose first axis counts rows."""
        return cls(tuple((place, tuple(leaf.shape[1:]), _name(leaf.dtype)) for place, leaf in _placed(x)))

    @classmethod
    def from_json(cls, found: Sequence[Sequence[Any]]) -> "RowShape":
        """Of what a file holds.

        Raises:
            ValueError: it is none.
        """
        tensors = tuple((str(place), tuple(map(int, shape)), str(dtype)) for place, shape, dtype in found)
        unknown = [dtype for _, _, dtype in tensors if not isinstance(getattr(torch, dtype, None), torch.dtype)]
        if unknown or not tensors:
            raise ValueError(f"{unknown} for types of number")
        return cls(tensors)

    def are_of(self, shape: tuple[int, ...]) -> bool:
        """Whether a row is a single tensor of this shape."""
        return [found for _, found, _ in self.tensors] == [shape]

    def read(self, x: Any) -> Inputs:
        """``x`` as tensors of this shape and type: rows, or a single row, which becomes a batch of one.

        Raises:
            DataError: it is nothing that tensors can be made of, or numbers are missing.
            ShapeError: rows of another shape, or of another type of number.
        """
        try:
            x = x if isinstance(x, Tensor) else inputs(x)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"{_short(x)} is no tensor, and none can be made of it ({error}). Give rows of {self}.") from error
        found = _placed(x)
        if [place for place, _ in found] != [place for place, _, _ in self.tensors]:
            raise ShapeError(f"the support set's inputs are {self}, these are {RowShape.of(x)}. Give the same tensors.")
        if all(tuple(leaf.shape) == shape for (_, leaf), (_, shape, _) in zip(found, self.tensors, strict=True)):
            x = map_leaves(lambda leaf: leaf[None], x)
        types = iter(self.tensors)
        x = map_leaves(lambda leaf: self._checked(leaf, *next(types)), x)
        if len({leaf.shape[0] for leaf in leaves(x)}) > 1:
            raise ShapeError(f"inputs of {[leaf.shape[0] for leaf in leaves(x)]} rows belong together. Give as many of each.")
        refuse_missing(x, "the inputs")
        return x

    def _checked(self, leaf: Tensor, place: str, shape: tuple[int, ...], dtype: str) -> Tensor:
        where = f" at {place}" if place else ""
        if leaf.ndim == 0 or tuple(leaf.shape[1:]) != shape:
            raise ShapeError(
                f"the support set's inputs{where} have the shape {shape}, these {tuple(leaf.shape[1:])} (a tensor of "
                f"{tuple(leaf.shape)}). Give a tensor of {('rows', *shape)}, prepared as the support set was."
            )
        wanted: torch.dtype = getattr(torch, dtype)
        if leaf.dtype != wanted and _kind(leaf.dtype) != _kind(wanted):
            raise ShapeError(
                f"the support set's inputs{where} are {dtype}, these {_name(leaf.dtype)}. Convert and scale them as the support "
                "set was (images of 8 bits usually by x.float() / 255)."
            )
        return leaf.to(wanted)

    def __str__(self) -> str:
        return " and ".join(f"{f'{place} ' if place else ''}{shape} of {dtype}" for place, shape, dtype in self.tensors)


def _placed(x: Inputs) -> list[tuple[str, Tensor]]:
    """The tensors of a tree, each with its place there."""
    if isinstance(x, Tensor):
        return [("", x)]
    return [(pytree.keystr(path), leaf) for path, leaf in pytree.tree_flatten_with_path(x)[0]]


def refuse_missing(x: Inputs, what: str) -> None:
    """
    Raises:
        DataError: a number is NaN or infinite; the first rows are named.
    """
    for leaf in leaves(x):
        if leaf.is_floating_point() and not bool(torch.isfinite(leaf).all()):
            rows = torch.where(~torch.isfinite(leaf).flatten(1).all(1) if leaf.ndim > 1 else ~torch.isfinite(leaf))[0].tolist()
            shown = ", ".join(map(str, rows[:5])) + (" and more" if len(rows) > 5 else "")
            raise DataError(f"{what} hold NaN or infinite values (row {shown}). Clean or impute them first.")


def _kind(dtype: torch.dtype) -> str:
    """Bits, 8-bit numbers, whole or decimal numbers: between these, values mean something else."""
    if dtype.is_floating_point or dtype.is_complex:
        return "complex" if dtype.is_complex else "decimal"
    return _name(dtype) if dtype in (torch.bool, torch.uint8) else "whole"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _short(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else f"{text[:57]}..."
