"""What the columns of a table mean that are no inputs: labels, targets, tasks, groups and times."""

import re
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.borders.targets import class_names
from quickstudy.errors import DataError
from quickstudy.inputs.column import days, is_missing

__all__ = ["codes", "instants", "labels_of", "targets_of"]

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
            f"{what} holds {broken:g}: numbers with fractions are no classes. To predict numbers: target=…, with task=… for the "
            "column of the tasks; or write the classes as names."
        )
    if present and all(days(item) is not None for item in present):
        raise DataError(f"{what} holds dates ({shown(present[0])}), which are no classes. Write classes as names.")
    names, labels = codes(items, what)
    assert labels is not None
    if not few and len(names) > 1 and len(names) * _FEW > len(labels):
        raise DataError(
            f"{what} holds {len(names):,} different labels in {len(labels):,} rows: most occur once, so there is nothing to "
            "learn a class from. Is it an id? Name the column of the classes, or leave out classes of one row."
        )
    return names, labels


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
        raise DataError(f"{what} has {shown(item)} in row {row} (the first is 0), no number. To predict classes: label=…")
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
