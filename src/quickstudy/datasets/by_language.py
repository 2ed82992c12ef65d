"""Tables of texts whose tasks are languages: columns as they are written, parted by language."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from quickstudy.datasets.table_columns import codes
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_split import part_column, parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.task import Inputs

__all__ = ["as_written", "parted", "parted_at_random"]

_FRACTIONS = (0.6, 0.2, 0.2)

_Reader = Callable[[Mapping[str, list[Any]], Sequence[int], str], tuple[Inputs, Tensor]]
"""From rows, the numbers of some of them and the data's name to inputs and targets of these."""


def as_written(path: str | Path, needed: tuple[str, ...], said: str, *, encoding: str = "utf-8") -> dict[str, list[Any]]:
    """Columns of a table, as they are written.

    Args:
        path: of the file.
        needed: the columns.
        said: what rows are of, for messages.
        encoding: of a text file.

    Raises:
        DataError: a column is missing, or the file cannot be read.
    """
    found = read_table_file(path, as_written=needed, encoding=encoding)
    for name in needed:
        if name not in found:
            raise DataError(f'{path} has no column "{name}". {said}; there are {", ".join(found)}.')
    return {name: list(found[name]) for name in needed}


def parted_at_random(rows: Mapping[str, list[Any]], fewest: int, path: str | Path) -> list[str]:
    """The part of each row: languages, all with enough rows, are parted at random.

    Args:
        rows: values by column, ``language`` among them.
        fewest: rows that a language needs.
        path: of the table, for messages.

    Raises:
        DataError: rows without a language, languages with fewer rows, or too few of them to part.
    """
    names, _ = codes(rows["language"], f'{path}: the column "language"')
    counts = Counter(map(str, rows["language"]))
    small = [f"{name} ({counts[name]})" for name in names if counts[name] < fewest]
    if small:
        raise DataError(f"{path}: a language needs {fewest} rows or more, and {', '.join(small[:5])} has fewer. Leave it out.")
    parts = parts_of(rows, "language", ("language", "language"), _FRACTIONS, 0, str(path))
    return part_column(parts, len(rows["language"]))


def parted(rows: Mapping[str, list[Any]], part: Sequence[str], name: str, kind: InputKind, read: _Reader) -> TableSplits:
    """A table of each part, whose tasks are languages.

    Args:
        rows: values by column, ``language`` among them.
        part: of each row.
        name: of the data.
        kind: how raw things become inputs.
        read: makes inputs and targets of some rows.
    """
    found = []
    for wanted in TableSplits._fields:
        chosen = [row for row, of in enumerate(part) if of == wanted]
        names, tasks = codes([rows["language"][row] for row in chosen], f'{name}: the column "language"')
        assert tasks is not None
        x, y = read(rows, chosen, name)
        found.append(Table(x, y, tasks, names, name=f"{name}/{wanted}", reads=kind))
    return TableSplits(*found)
