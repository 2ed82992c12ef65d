"""What the columns of a table mean that are no inputs: labels, targets, tasks, groups and times."""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.borders.targets import class_names
from quickstudy.errors import Argument, DataError
from quickstudy.inputs.column import days, is_missing

__all__ = ["bits_of", "codes", "instants", "labels_of", "large_enough", "targets_of"]

_log = logging.getLogger("quickstudy")
_NAMED = 5

_FEW = 2
_PLAIN = re.compile(r"0|-?[1-9]\d{0,17}")


def codes(values: Any, what: str) -> tuple[tuple[str, ...], Tensor | None]:
    """The names of a column's different values, and the number of each row's among them; nothing of no column.

    >>> codes(["b", "a", "b"], "the tasks")
    (('a', 'b'), tensor([1, 0, 1]))
    """
    if values is None:
        return (), None
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    for row, item in enumerate(items):
        if is_missing(item):
            raise DataError(f"{what} has no value in row {row} (the first is 0). Give one, or leave the row out.")
    whole = _whole(items)
    return class_names(whole if whole is not None else [str(item) for item in items], what)


def large_enough(rows: Mapping[str, Any], column: str, smallest: int, called: str) -> Mapping[str, Any]:
    """The rows whose value in a column occurs at least ``smallest`` times; the other values are named in the log.

    Raises:
        DataError: no value does.

    >>> large_enough({"y": ["a", "b", "a"], "x": [1, 2, 3]}, "y", 2, "data")
    {'y': ['a', 'a'], 'x': [1, 3]}
    """
    values = rows[column].tolist() if isinstance(rows[column], np.ndarray) else list(rows[column])
    counts = Counter(None if is_missing(value) else value for value in values)  # a missing one has an error of its own
    small = {str(value): count for value, count in counts.items() if value is not None and count < smallest}
    if not small:
        return rows
    if len(small) == len(counts):
        raise DataError(f"{called}: no value of {column} has {smallest} rows. Lower ", Argument("smallest"), ".")
    listed = ", ".join(f"{value} ({count})" for value, count in list(small.items())[:_NAMED])
    more = f" and {len(small) - _NAMED:,} more" if len(small) > _NAMED else ""
    _log.warning("%s: values of %s left out for having fewer than %d rows: %s%s", called, column, smallest, listed, more)
    kept = [row for row, value in enumerate(values) if is_missing(value) or counts[value] >= smallest]
    return {
        name: held[np.array(kept)] if isinstance(held, np.ndarray) else [held[row] for row in kept] for name, held in rows.items()
    }


def labels_of(values: Any, what: str, *, few: bool = False) -> tuple[tuple[str, ...], Tensor]:
    """Class names and class numbers of a column of labels; ``few``: one row may be all there is of a class.

    Raises:
        DataError: numbers with fractions, dates, a row without a label, or nearly as many labels as rows.
    """
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    present = [item for item in items if not is_missing(item)]
    values = [_number(item) for item in present]
    broken = next((value for value in values if value is not None and not value.is_integer()), None)
    if present and broken is not None and all(value is not None for value in values):
        raise DataError(
            f"{what} holds {broken:g}: numbers with fractions are no classes. To predict numbers, name it with ",
            Argument("target"),
            " and the column of the tasks with ",
            Argument("task"),
            "; or write the classes as names.",
        )
    if present and all(days(item) is not None for item in present):
        raise DataError(f"{what} holds dates ({shown(present[0])}), which are no classes. Write classes as names.")
    names, labels = codes(items, what)
    assert labels is not None
    if not few and len(names) > 1 and len(names) * _FEW > len(labels):
        raise DataError(
            f"{what} holds {len(names):,} different labels in {len(labels):,} rows: most occur once, so there is nothing to "
            "learn a class from. Is it an id? Name the column of the classes, or leave out classes of one row: ",
            Argument("smallest", 2),
            ".",
        )
    return names, labels


def bits_of(columns: Mapping[str, Any], called: str) -> Tensor:
    """Columns of labels that a row has or has not, (R, N) of 0 and 1.

    Raises:
        DataError: something else than 0 and 1, or nothing.

    >>> bits_of({"cough": [1, 0], "fever": [True, True]}, "visits").tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    found = []
    for name, values in columns.items():
        items = values.tolist() if isinstance(values, np.ndarray) else list(values)
        for row, item in enumerate(items):
            if is_missing(item) or _number(item) not in (0, 1):
                raise DataError(
                    f'{called}: the column "{name}" of labels has {shown(item)} in row {row} (the first is 0). Write 1 where '
                    "a row has the label and 0 where it has not."
                )
        found.append([float(_number(item) or 0) for item in items])
    return torch.tensor(found).mT.contiguous()


def targets_of(values: Any, what: str) -> Tensor:
    """Numbers to be predicted, (R, 1).

    Raises:
        DataError: dates, texts, missing or infinite numbers.
    """
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    for row, item in enumerate(items):
        number = None if isinstance(item, str) or is_missing(item) else _number(item)
        if number is not None and np.isfinite(number):
            continue
        if is_missing(item):
            raise DataError(f"{what} has no value in row {row} (the first is 0). Leave rows without a target out.")
        if days(item) is not None:
            raise DataError(f"{what} holds dates ({shown(item)}). Give numbers: days since a start, say.")
        raise DataError(
            f"{what} has {shown(item)} in row {row} (the first is 0), no number. To predict classes: ", Argument("label"), "."
        )
    return torch.tensor([float(item) for item in items], dtype=torch.double).to(torch.get_default_dtype())[:, None]


def instants(values: Any, what: str) -> Tensor:
    """Times as numbers, dates as days, (R,) in double precision.

    Raises:
        DataError: neither numbers nor dates as 2026-03-31.
    """
    items = list(values)
    found = [None if is_missing(item) or isinstance(item, str) else _number(item) for item in items]
    if any(value is None or not np.isfinite(value) for value in found):
        found = [None if is_missing(item) else days(item) for item in items]
    for row, value in enumerate(found):
        if value is None:
            raise DataError(
                f"{what} has {shown(items[row])} in row {row} (the first is 0), no time. Give numbers, or dates as 2026-03-31."
            )
    return torch.tensor(found, dtype=torch.double)


def _number(item: Any) -> float | None:
    try:
        return float(item)
    except (TypeError, ValueError, OverflowError):
        return None


def _whole(items: list[Any]) -> list[int] | None:
    """Whole numbers, also those written as texts, so that they are sorted as numbers; None where some are none ("007", True)."""
    found: list[int] = []
    for item in items:
        if isinstance(item, str):
            if not _PLAIN.fullmatch(item):
                return None
        elif isinstance(item, bool | np.bool_) or not isinstance(item, int | float | np.number) or not float(item).is_integer():
            return None
        found.append(int(item))
    return found
