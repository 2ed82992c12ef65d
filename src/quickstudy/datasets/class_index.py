"""Rows of many classes, and which row is of which class: what few-shot tasks are drawn from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from quickstudy.errors import DataError
from quickstudy.functional.tree import rows_of
from quickstudy.inputs.images import Images
from quickstudy.task import Examples

__all__ = ["ClassIndex", "Rows", "Splits"]


class Rows(Protocol):
    """Rows that are read when they are asked for, for data larger than memory."""

    def __len__(self) -> int: ...

    def gather(self, rows: Tensor) -> Tensor:
        """Rows by number (1-D), stacked."""


@dataclass(frozen=True, eq=False, repr=False)
class ClassIndex:
    """Rows of many classes.

    Args:
        x: rows (R, …), uint8 (scaled by 1/255 when gathered) or floating point; or `Rows` read on demand.
        labels: the class number of each row, (R,).
        classes: names of the classes, in order of their numbers.
        name: of the data, used in messages and reports.
        groups: a group number for each row, (R,): support and query of a task never share a group (a font style, a patient).
        group_names: names of the groups.
        reads: how an image file becomes a row, if rows are images.
        families: the family of each class (an alphabet, a genus), if classes have families.

    Raises:
        DataError: labels out of range, a class without rows or with another's name, fewer than two classes, NaN or infinite
            values (of rows read on demand: when they are read).

    >>> index = ClassIndex(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> index, index.counts.tolist()
    (ClassIndex(data: 4 rows of 2 classes), [2, 2])
    """

    x: Tensor | Rows
    labels: Tensor
    classes: tuple[str, ...]
    name: str = "data"
    groups: Tensor | None = None
    group_names: tuple[str, ...] = ()
    reads: Images | None = None
    families: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._check_labels()
        self._check_groups()
        if isinstance(self.x, Tensor) and self.x.is_floating_point():
            _check_finite(self.x, self.labels, self)

    def _check_labels(self) -> None:
        if self.labels.ndim != 1 or self.labels.dtype != torch.int64:
            raise DataError(f"{self.name}: labels must be int64 (R,), not {_scene(self.labels)}. Or call datasets.from_arrays.")
        if len(self.x) != len(self.labels):
            raise DataError(f"{self.name}: {len(self.x)} rows came with {len(self.labels)} labels. Give one label to each row.")
        if len(self.classes) < 2:
            raise DataError(
                f"{self.name}: all {len(self.labels)} rows are of one class. A task needs at least two: add examples of others."
            )
        if len(self.labels) == 0 or int(self.labels.min()) < 0 or int(self.labels.max()) >= len(self.classes):
            raise DataError(f"{self.name}: labels must lie in 0..{len(self.classes) - 1}, one for each of the class names.")
        twice = [label for label, times in Counter(self.classes).items() if times > 1]
        if twice:
            raise DataError(f"{self.name}: more than one class is called {_some(twice)}. Give each class its own name.")
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

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"ClassIndex({self.name}: {len(self):,} rows of {len(self.classes):,} classes)"

    @property
    def counts(self) -> Tensor:
        """How many rows each class has, (C,)."""
        return torch.bincount(self.labels, minlength=len(self.classes))

    def gather(self, rows: Tensor) -> Tensor:
        """Rows by number; ``rows`` of any shape gives that shape followed by an example's, floating point."""
        if isinstance(self.x, Tensor):
            found = rows_of(self.x, rows)
        else:
            found = self.x.gather(rows.reshape(-1))
            if found.is_floating_point():
                _check_finite(found, self.labels[rows.reshape(-1)], self, rows.reshape(-1))
            found = found.reshape(*rows.shape, *found.shape[1:])
        return found.float().div_(255) if found.dtype == torch.uint8 else found

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
        labels = fresh[self.labels]
        rows = torch.where(labels >= 0)[0]
        x = self.x[rows] if isinstance(self.x, Tensor) else _Chosen(self.x, rows)
        return replace(
            self,
            x=x,
            labels=labels[rows],
            classes=tuple(self.classes[i] for i in wanted),
            groups=None if self.groups is None else self.groups[rows],
            name=name or self.name,
            families=tuple(self.families[i] for i in wanted) if self.families else (),
        )


@dataclass(frozen=True)
class _Chosen:
    rows: Rows
    chosen: Tensor

    def __len__(self) -> int:
        return len(self.chosen)

    def gather(self, rows: Tensor) -> Tensor:
        return self.rows.gather(self.chosen[rows])


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


def _check_finite(x: Tensor, labels: Tensor, index: ClassIndex, numbers: Tensor | None = None) -> None:
    bad = ~torch.isfinite(x).reshape(len(x), -1).all(1)
    if bad.any():
        first = int(bad.nonzero()[0])
        raise DataError(
            f"{index.name}: {int(bad.sum())} rows hold NaN or infinite values, the first is row "
            f'{first if numbers is None else int(numbers[first])} of class "{index.classes[int(labels[first])]}". '
            "Clean or leave them out."
        )
