"""Which rows of a table are for meta-training, meta-validation and meta-test."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quickstudy.borders.arguments import shown
from quickstudy.datasets.class_parts import cuts_of
from quickstudy.datasets.table_columns import codes
from quickstudy.errors import DataError

__all__ = ["PART_WORDS", "part_column", "parts_of"]

_PARTS = ("train", "val", "test")
PART_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
"""What the parts are called in files and folders."""


def parts_of(
    rows: Mapping[str, Any],
    split: str,
    units: Sequence[str | None],
    fractions: tuple[float, float, float],
    seed: int,
    called: str,
) -> dict[str, NDArray[np.int64]]:
    """Row numbers of "train", "val" and "test".

    Args:
        rows: values by column.
        split: a column: one of ``units``, whose values are parted at random, or another, which names the parts.
        units: the columns of labels, tasks and groups. A task is never in two parts.
        fractions: of the parts, where they are drawn.
        seed: of the drawing.
        called: names the data in messages.

    Raises:
        DataError: other names than those of the parts, a part without rows, or a task in two.

    >>> rows = {"part": ["train", "val", "test", "train"]}
    >>> parts_of(rows, "part", (), (0.6, 0.2, 0.2), 0, "data")["train"]
    array([0, 3])
    """
    what = f'{called}: the column "{split}"'
    if split in units:
        names, numbers = codes(rows[split], what)
        assert numbers is not None
        part = _drawn(len(names), fractions, seed, what)[numbers.numpy()]
    else:
        part = _named(rows[split], what)
    found = {name: np.flatnonzero(part == number) for number, name in enumerate(_PARTS)}
    lacking = [name for name in _PARTS if not len(found[name])]
    if lacking:
        raise DataError(f"{what} leaves no rows for {' and '.join(lacking)}. Give each part some, or name another column.")
    task = units[1] if len(units) > 1 else None
    if task is not None and task != split:
        _refuse_shared(rows[task], part, f'{called}: the task "{{}}" of the column "{task}"')
    return found


def part_column(parts: Mapping[str, NDArray[np.int64]], rows: int) -> list[str]:
    """The part of each row, of the row numbers of each part.

    >>> part_column({"train": np.array([0, 2]), "val": np.array([1])}, 3)
    ['train', 'val', 'train']
    """
    found = np.empty(rows, dtype=object)
    for name, numbers in parts.items():
        found[numbers] = name
    words: list[str] = found.tolist()
    return words


def _drawn(count: int, fractions: tuple[float, float, float], seed: int, what: str) -> NDArray[np.int64]:
    """The part of each of ``count`` values."""
    cuts = cuts_of(count, fractions)
    if any(high <= low for low, high in itertools.pairwise(cuts)):
        raise DataError(f"{what} has {count} values, too few for parts of {fractions}. Give more, or other fractions.")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).numpy()
    part = np.empty(count, dtype=np.int64)
    for number, (low, high) in enumerate(itertools.pairwise(cuts)):
        part[order[low:high]] = number
    return part


def _named(values: Any, what: str) -> NDArray[np.int64]:
    part = np.empty(len(values), dtype=np.int64)
    for row, value in enumerate(values):
        word = PART_WORDS.get(str(value).strip().lower())
        if word is None:
            raise DataError(
                f'{what} has {shown(value)} in row {row} (the first is 0). It must name the part, "train", "val" or "test"; or '
                "be the column of the label, the task or the group, whose values are then parted at random."
            )
        part[row] = _PARTS.index(word)
    return part


def _refuse_shared(values: Any, part: NDArray[np.int64], what: str) -> None:
    """A task of meta-training would be known at meta-test."""
    names, numbers = codes(values, "the tasks")
    assert numbers is not None
    first = np.full(len(names), -1)
    for name, number in zip(numbers.tolist(), part.tolist(), strict=True):
        if first[name] not in (-1, number):
            raise DataError(
                f"{what.format(names[name])} is in {_PARTS[first[name]]} and in {_PARTS[number]}. Keep each task in one part: "
                "split by the column of the tasks."
            )
        first[name] = number
