"""Rows of many classes, from which few-shot tasks are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.class_names import check_names
from quickstudy.datasets.held_rows import count_of, finite_rows, held, on_demand, part_of, placed, taken
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.task import Examples, Inputs

__all__ = ["ClassIndex", "Hashes", "Rows", "Splits"]

_MOST_GROUPS = 1_000_000


class Rows(Protocol):
    """Rows that are read on demand, for data larger than memory."""

    def __len__(self) -> int: ...

    def gather(self, rows: Tensor) -> Inputs:
        """Rows by number (1-D), stacked: a tensor, or a tree of tensors."""


@dataclass(frozen=True, eq=False, repr=False)
class ClassIndex:
    """Rows of many classes.

    Args:
        x: rows (R, …) of any kind of numbers, given as they are: whole ones stay whole; or a tree of such tensors (tokens and
            mask, image and text); or `Rows` read on demand. Of images that carry their reader, 8-bit rows are divided by 255 when
            gathered, as the reader does at every other door. No graph is kept.
        labels: the class number of each row, (R,).
        classes: names of the classes, in order of their numbers.
        name: of the data, used in messages and reports.
        groups: a group number for each row, (R,): support and query of a task never share a group (a font style, a patient).
        group_names: names of the groups.
        reads: how a raw thing becomes a row, if rows are images, texts or a table's (`from_arrays` finds that of images).
        families: the family of each class (an alphabet, a genus), if classes have families.
        equal_together: whether a task's queries are never equal to a support row of their class (copies would leak the answer).

    Raises:
        DataError: labels out of range, a class without rows, names that are empty or another's, fewer than two classes, NaN or
            infinite values (of rows read on demand: when they are read).

    >>> index = ClassIndex(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> index, index.counts.tolist()
    (ClassIndex(data: 4 rows of 2 classes), [2, 2])
    """

    x: Inputs | Rows
    labels: Tensor
    classes: tuple[str, ...]
    name: str = "data"
    groups: Tensor | None = None
    group_names: tuple[str, ...] = ()
    reads: InputKind | None = None
    families: tuple[str, ...] = ()
    equal_together: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", held(self.x, self.name))  # rows are data: a graph would be walked again in each step
        self._check_labels()
        self._check_groups()
        if not on_demand(self.x):
            _check_finite(self.x, self.labels, self)

    def _check_labels(self) -> None:
        if not isinstance(self.labels, Tensor):
            raise DataError(
                f"{self.name}: labels must be int64 (R,), not {type(self.labels).__name__}. Call datasets.from_arrays."
            )
        if self.labels.ndim != 1 or self.labels.dtype != torch.int64:
            raise DataError(f"{self.name}: labels must be int64 (R,), not {_scene(self.labels)}. Or call datasets.from_arrays.")
        if count_of(self.x) != len(self.labels):
            raise DataError(
                f"{self.name}: {count_of(self.x)} rows came with {len(self.labels)} labels. Give one label to each row."
            )
        if len(self.classes) < 2:
            raise DataError(
                f"{self.name}: all {len(self.labels)} rows are of one class. A task needs at least two: add examples of others."
            )
        if len(self.labels) == 0 or int(self.labels.min()) < 0 or int(self.labels.max()) >= len(self.classes):
            raise DataError(f"{self.name}: labels must lie in 0..{len(self.classes) - 1}, one for each of the class names.")
        check_names(self.classes, self.name)
        empty = [self.classes[i] for i in (self.counts == 0).nonzero().flatten().tolist()]
        if empty:
            raise DataError(f"{self.name}: no rows of {_some(empty)}. Leave these classes out.")
        if self.families and len(self.families) != len(self.classes):
            raise DataError(f"{self.name}: {len(self.families)} families came with {len(self.classes)} classes. Give each one.")

    def _check_groups(self) -> None:
        if self.groups is None:
            return
        if self.groups.shape != self.labels.shape:
            raise DataError(f"{self.name}: {len(self.groups)} groups came with {len(self.labels)} rows. Give one to each row.")
        if self.groups.dtype != torch.int64 or int(self.groups.min()) < 0:
            raise DataError(f"{self.name}: groups must be int64 from 0, not {_scene(self.groups)}. Or call datasets.from_arrays.")
        if int(self.groups.max()) >= max(_MOST_GROUPS, len(self.group_names)):  # tables of all groups are made of their numbers
            raise DataError(
                f"{self.name}: group number {int(self.groups.max()):,} is above {_MOST_GROUPS:,}. Number groups from 0 without "
                "gaps; datasets.from_arrays(x, y, groups=…) does."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"ClassIndex({self.name}: {len(self):,} rows of {len(self.classes):,} classes)"

    @cached_property
    def hashes(self) -> "Hashes":
        """The hashes of rows that are known already, see `datasets.row_hashes`."""
        return Hashes(np.zeros(len(self), dtype=np.uint64), np.zeros(len(self), dtype=bool))

    @property
    def counts(self) -> Tensor:
        """How many rows each class has, (C,)."""
        return torch.bincount(self.labels, minlength=len(self.classes))

    def gather(self, rows: Tensor) -> Inputs:
        """Rows by number; ``rows`` of any shape gives that shape followed by an example's."""
        flat = rows.reshape(-1)
        found = taken(self.x, flat)
        if on_demand(self.x):
            _check_finite(found, self.labels[flat], self, flat)
        found = placed(found, rows)
        return found if self.reads is None else self.reads.scaled(found)

    def examples(self, rows: Tensor | None = None) -> Examples:
        """Rows with their classes as a support set, all of them by default: ``learner(index.examples(), index.classes)``."""
        rows = torch.arange(len(self)) if rows is None else rows
        return Examples.of(self.gather(rows), self.labels[rows], len(self.classes))

    def select(self, classes: Sequence[int] | Sequence[str], name: str | None = None) -> "ClassIndex":
        """The rows of some classes, numbered anew in the order given.

        Raises:
            DataError: a class that is not there.
        """
        known = {label: number for number, label in enumerate(self.classes)}
        wanted = [known.get(c, -1) if isinstance(c, str) else int(c) for c in classes]
        for given, number in zip(classes, wanted, strict=True):
            if not 0 <= number < len(self.classes):
                raise DataError(f"{self.name} has no class {given!r}. It has {_some(self.classes)}.")
        if len(set(wanted)) < max(2, len(wanted)):
            raise DataError(f"{self.name}: select two or more classes, each once, not {list(classes)}.")
        fresh = torch.full((len(self.classes),), -1)
        fresh[torch.tensor(wanted, dtype=torch.long)] = torch.arange(len(wanted))
        return self._part(torch.where(fresh[self.labels] >= 0)[0], wanted, name)

    def rows(self, rows: Tensor, name: str | None = None) -> "ClassIndex":
        """Some rows by number (1-D), with the classes that they are of.

        Raises:
            DataError: they are of fewer than two classes.
        """
        return self._part(rows, torch.unique(self.labels[rows]).tolist(), name)

    def _part(self, rows: Tensor, wanted: Sequence[int], name: str | None) -> "ClassIndex":
        """``rows`` of the classes ``wanted``, which are numbered in this order."""
        fresh = torch.full((len(self.classes),), -1)
        fresh[torch.tensor(wanted, dtype=torch.long)] = torch.arange(len(wanted))
        part = replace(
            self,
            x=part_of(self.x, rows),
            labels=fresh[self.labels[rows]],
            classes=tuple(self.classes[i] for i in wanted),
            groups=None if self.groups is None else self.groups[rows],
            name=name or self.name,
            families=tuple(self.families[i] for i in wanted) if self.families else (),
        )
        if "hashes" in vars(self):
            vars(part)["hashes"] = Hashes(*(known[rows.numpy()] for known in self.hashes))
        return part


class Hashes(NamedTuple):
    """Hashes of rows, (R,), and which of them were computed already."""

    marks: NDArray[np.uint64]
    known: NDArray[np.bool_]


class Splits(NamedTuple):
    """Classes for meta-training, meta-validation and meta-test; no class is in two."""

    train: ClassIndex
    val: ClassIndex
    test: ClassIndex


def _some(names: Sequence[str], most: int = 5) -> str:
    listed = ", ".join(f'"{name}"' for name in names[:most])
    return listed + (f" and {len(names) - most} more" if len(names) > most else "")


def _scene(values: Tensor) -> str:
    return f"{str(values.dtype).removeprefix('torch.')} of shape {tuple(values.shape)}"


def _check_finite(x: Inputs, labels: Tensor, index: ClassIndex, numbers: Tensor | None = None) -> None:
    bad = ~finite_rows(x)
    if bad.any():
        first = int(bad.nonzero()[0])
        raise DataError(
            f"{index.name}: {int(bad.sum())} rows hold NaN or infinite values, the first is row "
            f'{first if numbers is None else int(numbers[first])} of class "{index.classes[int(labels[first])]}". '
            "Clean or leave them out."
        )
