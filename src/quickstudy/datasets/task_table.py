"""Rows of many tasks, each with targets of its own: a patient, an assay, a customer, a series."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.targets import Kind
from quickstudy.datasets.class_index import Hashes, Rows
from quickstudy.datasets.held_rows import count_of, finite_rows, held, on_demand, part_of, placed, taken
from quickstudy.errors import DataError, nearest
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import refuse_missing
from quickstudy.task import Inputs

__all__ = ["Table", "TableSplits"]


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Rows of many tasks; `tasks.ByTask` makes tasks of them.

    Args:
        x: rows (R, …), a tree of them, or rows read on demand.
        y: class numbers (R,) int64, values (R, P), or labels of which a row may have several, (R, N) of 0 and 1.
        tasks: the task number of each row, (R,).
        task_names: names of the tasks, in order of their numbers.
        classes: names of the classes or labels, where targets are these.
        name: of the data, used in messages and reports.
        groups: a group number for each row, (R,): support and query of a task never share one.
        time: when each row was made, (R,), where rows have an order.
        reads: how a raw thing becomes a row.

    Raises:
        DataError: fields that do not fit together, a task without rows, missing numbers.

    >>> table = Table(torch.zeros(4, 2), torch.ones(4, 1), torch.tensor([0, 0, 1, 1]), ("ann", "bob"))
    >>> table, table.counts.tolist()
    (Table(data: 4 rows of 2 tasks, values), [2, 2])
    """

    x: Inputs | Rows
    y: Tensor
    tasks: Tensor
    task_names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    name: str = "data"
    groups: Tensor | None = None
    time: Tensor | None = None
    reads: InputKind | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", held(self.x, self.name))
        rows = len(self.tasks)
        beside = {"targets": self.y, "groups": self.groups, "times": self.time}
        for what, given in beside.items():
            if given is not None and len(given) != rows:
                raise DataError(f"{self.name}: {len(given)} {what} came with {rows} rows. Give one to each row.")
        if count_of(self.x) != rows or not rows or self.tasks.dtype != torch.int64:
            raise DataError(
                f"{self.name}: {count_of(self.x)} rows came with {rows} task numbers. Give an int64 number to each row."
            )
        if int(self.tasks.min()) < 0 or int(self.tasks.max()) >= len(self.task_names) or not bool((self.counts > 0).all()):
            raise DataError(f"{self.name}: task numbers must lie in 0..{len(self.task_names) - 1}, and each have a row.")
        self._check_targets()
        refuse_missing(self.y, f"{self.name}: targets")
        if not on_demand(self.x):
            refuse_missing(self.x, f"{self.name}: rows")

    def _check_targets(self) -> None:
        kind = "class numbers (R,) or labels (R, N) of 0 and 1" if self.classes else "values (R, P)"
        numbers = self.kind == "classes"
        if self.y.ndim != (1 if numbers else 2) or self.y.is_floating_point() == numbers:
            raise DataError(f"{self.name}: targets must be {kind}, not {self.y.dtype} of shape {tuple(self.y.shape)}.")
        if self.kind == "labels":
            if self.y.shape[1] != len(self.classes) or not bool(((self.y == 0) | (self.y == 1)).all()):
                raise DataError(f"{self.name}: labels are rows of 0 and 1, a column for each of the {len(self.classes)} names.")
        elif numbers and not 0 <= int(self.y.min()) <= int(self.y.max()) < len(self.classes):
            raise DataError(f"{self.name}: class numbers must lie in 0..{len(self.classes) - 1}, as many as names.")

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        kind = "values" if self.kind == "values" else f"{len(self.classes)} {self.kind}"
        return f"Table({self.name}: {len(self):,} rows of {len(self.task_names):,} tasks, {kind})"

    @property
    def kind(self) -> Kind:
        """What targets are: classes, values, or labels of which a row may have several."""
        return "values" if not self.classes else "labels" if self.y.ndim == 2 else "classes"

    @cached_property
    def hashes(self) -> Hashes:
        """What is known of the rows' hashes, see `datasets.row_hashes`."""
        return Hashes(np.zeros(len(self), dtype=np.uint64), np.zeros(len(self), dtype=bool))

    @property
    def counts(self) -> Tensor:
        """How many rows each task has, (T,)."""
        return torch.bincount(self.tasks, minlength=len(self.task_names))

    def gather(self, rows: Tensor) -> Inputs:
        """Rows by number; ``rows`` of any shape gives that shape followed by an example's."""
        found = taken(self.x, rows.reshape(-1))
        if on_demand(self.x):
            bad = torch.unique(rows.reshape(-1)[~finite_rows(found)])
            if len(bad):
                raise DataError(
                    f"{self.name}: {len(bad)} rows hold NaN or infinite values, the first is row {int(bad[0])}. Clean them."
                )
        found = placed(found, rows)
        return found if self.reads is None else self.reads.scaled(found)

    def rows(self, rows: Tensor, name: str | None = None) -> "Table":
        """Some rows, by number (1-D); tasks are numbered anew, classes stay as they are."""
        found, tasks = torch.unique(self.tasks[rows], return_inverse=True)
        return replace(
            self,
            x=part_of(self.x, rows),
            y=self.y[rows],
            tasks=tasks,
            task_names=tuple(self.task_names[task] for task in found.tolist()),
            groups=None if self.groups is None else self.groups[rows],
            time=None if self.time is None else self.time[rows],
            name=name or self.name,
        )

    def select(self, tasks: Sequence[str], name: str | None = None) -> "Table":
        """The rows of some tasks, by name.

        Raises:
            DataError: a task that is not there, or none.
        """
        known = {label: number for number, label in enumerate(self.task_names)}
        for task in tasks:
            if task not in known:
                raise DataError(f"{self.name} has no task {task!r}.{nearest(str(task), self.task_names)}")
        if not tasks:
            raise DataError(f"{self.name}: select one task or more.")
        wanted = torch.tensor([known[task] for task in tasks])
        return self.rows(torch.isin(self.tasks, wanted).nonzero()[:, 0], name)

    def at_least(self, rows: int) -> "Table":
        """The tasks that have so many rows.

        Raises:
            DataError: there are none.
        """
        return self.select([name for name, count in zip(self.task_names, self.counts.tolist(), strict=True) if count >= rows])


class TableSplits(NamedTuple):
    """Tables for meta-training, meta-validation and meta-test; no task is in two."""

    train: Table
    val: Table
    test: Table
