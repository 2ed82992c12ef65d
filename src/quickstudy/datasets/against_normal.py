"""One task for each kind of case: its rows against normal ones, which all tasks share."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.held_rows import part_of
from quickstudy.datasets.row_hashes import equal_rows
from quickstudy.datasets.stray_words import check_no_stray_words
from quickstudy.datasets.table import table
from quickstudy.datasets.table_split import parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError, nearest
from quickstudy.inputs.column import is_missing
from quickstudy.inputs.columns import Columns

__all__ = ["CASE", "NORMAL", "against_normal", "parts_against_normal"]

NORMAL, CASE = "normal", "case"


def against_normal(index: ClassIndex, normal: str) -> Table:
    """A table with one task for each class but one: its rows are cases, those of that one are normal.

    Normal rows belong to every task. Equal rows are a group, so that none is ever in the support set and among the queries.

    Args:
        index: rows of many kinds of cases (diagnoses, attacks), and normal ones.
        normal: the class that is no case.

    Raises:
        DataError: there is no such class, or no other.

    >>> index = ClassIndex(torch.arange(5.0)[:, None], torch.tensor([0, 0, 1, 2, 2]), ("none", "flu", "cold"))
    >>> table = against_normal(index, "none")
    >>> table, table.task_names, table.counts.tolist()
    (Table(data: 7 rows of 2 tasks, 2 classes), ('flu', 'cold'), [3, 4])
    """
    if normal not in index.classes:
        raise DataError(
            f"{index.name} has no class {normal!r} of normal rows.{nearest(normal, index.classes)} Name the one that is no case."
        )
    kinds = [number for number, name in enumerate(index.classes) if name != normal]
    base = (index.labels == index.classes.index(normal)).nonzero()[:, 0]
    cases = [(index.labels == kind).nonzero()[:, 0] for kind in kinds]
    rows = torch.cat([part for own in cases for part in (base, own)])
    y = torch.cat([torch.tensor([0] * len(base) + [1] * len(own)) for own in cases])
    tasks = torch.cat([torch.full((len(base) + len(own),), number) for number, own in enumerate(cases)])
    return Table(
        part_of(index.x, rows),
        y,
        tasks,
        tuple(index.classes[kind] for kind in kinds),
        (NORMAL, CASE),
        index.name,
        equal_rows(index)[rows],
        reads=index.reads,
    )


def parts_against_normal(rows: Mapping[str, Any], label: str, normal: str, split: str, called: str) -> TableSplits:
    """Rows by column, parted, as tables of cases against normal rows; how they become numbers is learned from the first part.

    Skewed columns are read by their logarithms, see `Column`.

    Args:
        rows: values by column.
        label: the column of the kinds of cases, and of ``normal``.
        normal: what that column says of normal rows, which each part needs.
        split: the column of "train", "val" and "test".
        called: names the data in messages.

    Raises:
        DataError: a column that is missing, a kind of case in two parts, a part without normal rows, values that cannot be read.
    """
    for column in (label, split):
        if column not in rows:
            raise DataError(f'{called} has no column "{column}".{nearest(column, rows)} Its columns are {", ".join(rows)}.')
    parts = parts_of(rows, split, (), (0.6, 0.2, 0.2), 0, called)
    measured = {name: values for name, values in rows.items() if name not in (label, split)}
    check_no_stray_words(measured, called)
    kinds = np.array([str(value).strip() for value in rows[label]])
    _refuse_shared({part: set(kinds[numbers]) - {normal} for part, numbers in parts.items()}, called)
    trained = {name: [values[row] for row in parts["train"].tolist()] for name, values in measured.items()}
    fitted = Columns.fitted(trained, logarithms=True)
    lacking = {name for name, values in measured.items() if any(is_missing(value) for value in values)}
    reads = Columns(tuple(replace(column, missing=column.missing or column.name in lacking) for column in fitted.columns))
    found = table(dict(rows), label=label, split=split, reads=reads, name=called)
    return TableSplits(*[against_normal(_present(part), normal) for part in found])


def _refuse_shared(kinds: Mapping[str, set[str]], called: str) -> None:
    for part, other in (("train", "val"), ("train", "test"), ("val", "test")):
        if both := sorted(kinds[part] & kinds[other]):
            raise DataError(
                f"{called}: {both[0]!r} is in {part} and in {other}. Keep each kind of case in one part; normal rows are in all."
            )


def _present(index: ClassIndex) -> ClassIndex:
    """The classes that this part has rows of."""
    return index.select([number for number, count in enumerate(index.counts.tolist()) if count])
