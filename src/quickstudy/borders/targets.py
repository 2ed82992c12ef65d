"""The meaning of targets: class numbers, values, or labels of which a row may have several.

Where two readings would give different targets, nothing is guessed: both readings are named, and the caller chooses one.
"""

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import DataError, ShapeError

__all__ = ["Kind", "class_names", "names_classes", "read_targets"]

Kind = Literal["classes", "values", "labels"]
"""What targets mean: one class for each row, real numbers, or bits of which a row may have several (multi-hot)."""

_MOST = 50_000_000
"""Numbers in a table of targets; a class number far beyond the others would ask for more."""


def names_classes(y: Tensor) -> bool:
    """Whether targets (…, N) are columns of classes, 0 or 1 in more than one, and no values; padding may be among them.

    >>> names_classes(torch.eye(3)), names_classes(torch.ones(3, 1))
    (True, False)
    """
    return y.shape[-1] > 1 and bool(((y == 0) | (y == 1)).all())


def read_targets(y: Any, kind: Kind | None = None, *, ways: int | None = None, what: str = "the targets") -> tuple[Kind, Tensor]:
    """Targets as rows of numbers, (S, N) one-hot for classes, (S, P) for values and labels; and what they mean.

    Without ``kind``: whole numbers 0, 1, 2 … without gaps in an integer type are class numbers, numbers with decimals are
    values, one-hot rows are classes, other rows of 0 and 1 are labels. Whole numbers in a floating type (class numbers out of a
    CSV file? ratings?) and integers with gaps have two readings and are refused.

    Args:
        y: numbers (S,), a column (S, 1) or rows (S, P): tensors, arrays, pandas columns, lists. No graph is kept.
        kind: what they mean; given ``ways``, they are classes.
        ways: the number of classes; by default the largest number + 1.
        what: names the targets in messages.

    Raises:
        DataError: missing or infinite numbers, no numbers, class numbers out of range, or two readings.
        ShapeError: more than two axes.

    >>> read_targets([0, 2, 1])[0], read_targets([0.5, 2.0])[0], read_targets([[1, 1, 0], [0, 0, 0]])[0]
    ('classes', 'values', 'labels')
    >>> read_targets([1.0, 0.0], "classes")[1].tolist(), read_targets([1.0, 0.0], "values")[1].tolist()
    ([[0.0, 1.0], [1.0, 0.0]], [[1.0], [0.0]])
    """
    if kind is not None and kind not in get_args(Kind):
        raise DataError(f'kind={kind!r}: {what} are read as kind="classes", "values" or "labels".')
    if ways is not None and (isinstance(ways, bool) or not isinstance(ways, int) or ways < 1):
        raise DataError(f"ways={ways!r}: give the number of classes, a whole number of at least 1.")
    numbers = _numbers(y, what)
    if kind is None:
        kind = "classes" if ways is not None else _certain(numbers, what)
    if kind == "classes":
        return kind, _classes(numbers, ways, what)
    rows = numbers[:, None] if numbers.ndim == 1 else numbers
    if kind == "labels" and not bool(((rows == 0) | (rows == 1)).all()):
        raise DataError(f'{what} of kind="labels" must be rows of 0 and 1, a column for each label. For numbers: kind="values".')
    return kind, rows if rows.is_floating_point() else rows.to(torch.get_default_dtype())


def class_names(y: Any, what: str = "the labels") -> tuple[tuple[str, ...], Tensor]:
    """The names of the different classes in ``y`` (R,), sorted, and the class number of each row, (R,) int64.

    Args:
        y: names or whole numbers, in any order and with gaps; or one-hot rows.
        what: names the labels in messages.

    Raises:
        DataError: names that are missing, empty or differ in spaces alone, numbers with decimals, or several labels in a row.

    >>> class_names(["dog", "cat", "dog"]), class_names([7.0, 3.0])
    ((('cat', 'dog'), tensor([1, 0, 1])), (('3', '7'), tensor([1, 0])))
    """
    array = _array(y, what)
    if array.dtype.kind in "OUST":
        return _by_name(array, what)
    numbers = _numbers(array, what)
    if numbers.ndim == 2 and numbers.shape[1] > 1:
        numbers = _classes(numbers, None, what).argmax(1)
    column = numbers.reshape(-1)
    if not _whole(column):
        raise DataError(
            f"{what} hold {_first(column[column != column.round()])}, which is no class number. An index is of classes: give "
            'whole numbers or names. Values to be predicted belong in Examples.of(x, y, kind="values") or a source of your own.'
        )
    values, inverse = torch.unique(column.long(), return_inverse=True)
    return tuple(str(value) for value in values.tolist()), inverse


def _by_name(array: NDArray[Any], what: str) -> tuple[tuple[str, ...], Tensor]:
    given = array.reshape(-1).tolist() if array.ndim == 2 and array.shape[1] == 1 else array.tolist()
    if array.ndim > 2 or any(isinstance(item, list) for item in given):
        raise DataError(f"{what} must be one number or one name for each row, not an array of shape {array.shape}.")
    for row, item in enumerate(given):
        if _is_missing(item) or not str(item).strip():
            raise DataError(f"{what}: row {row} has no name ({item!r}). Name its class, or leave the row out.")
        if not isinstance(item, str | int | bool):
            raise DataError(f"{what}: row {row} holds {item!r}. Give one number or one name for each row.")
    names = [str(item) for item in given]
    bare: dict[str, str] = {}
    for name in sorted(set(names)):
        other = bare.setdefault(" ".join(name.split()), name)
        if other != name:
            raise DataError(f"{what}: {other!r} and {name!r} differ in spaces alone. Write the name of a class in one way.")
    values, inverse = np.unique(np.asarray(names), return_inverse=True)
    return tuple(map(str, values)), torch.from_numpy(inverse.astype(np.int64))


def _array(y: Any, what: str) -> NDArray[Any]:
    """What people have, as an array."""
    try:
        if isinstance(y, Tensor):
            return y.detach().cpu().float().numpy() if y.dtype == torch.bfloat16 else y.detach().cpu().numpy()
        if isinstance(y, list | tuple) and any(isinstance(item, Tensor) for item in y):
            y = [item.detach().cpu().numpy() if isinstance(item, Tensor) else item for item in y]
        if isinstance(y, list | tuple) and any(isinstance(item, str) for item in y):  # NumPy would write NaN as a name
            return np.asarray(y, dtype=object)
        return np.asarray(y)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} are no table of numbers: {error}. Give one number, or one row of equal length, each.") from error


def _numbers(y: Any, what: str) -> Tensor:
    """Finite real numbers of one or two axes; tensors keep their type, NumPy's double precision becomes torch's usual one."""
    array = y if isinstance(y, np.ndarray) else _array(y, what)
    if array.dtype.kind == "O":
        array = _plain(array, what)
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{what} are {_described(array)}, not numbers. For names of classes build an index, "
            "datasets.from_arrays(x, y): index.examples() are its rows, index.classes the names."
        )
    numbers = y.detach() if isinstance(y, Tensor) else torch.from_numpy(np.require(array, requirements=["C", "W"]).copy())
    if array.dtype.kind == "f" and not isinstance(y, Tensor) and array.dtype.itemsize > 4:
        numbers = numbers.to(torch.get_default_dtype())
    if numbers.ndim not in (1, 2):
        raise ShapeError(f"{what} have shape {tuple(numbers.shape)}. Give one number for each input, (S,), or rows (S, P).")
    if numbers.is_floating_point() and not bool(torch.isfinite(numbers).all()):
        raise DataError(f"{what} hold NaN or infinite values. Impute them, or leave these rows out.")
    return numbers


def _plain(array: NDArray[Any], what: str) -> NDArray[Any]:
    """An array of objects as one of numbers, where all are numbers."""
    items = array.reshape(-1).tolist()
    if any(isinstance(item, str) for item in items):
        return array.astype(str)
    if any(_is_missing(item) for item in items):
        raise DataError(f"{what} are missing for some rows (None or NaN). Impute them, or leave these rows out.")
    try:
        return np.asarray(array.tolist())
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} are no numbers ({error}). Give one number for each input.") from error


def _is_missing(item: Any) -> bool:
    return item is None or type(item).__name__ in ("NAType", "NaTType") or (isinstance(item, float) and item != item)


def _certain(numbers: Tensor, what: str) -> Kind:
    """The kind, where no other reading would give other targets.

    Raises:
        DataError: there are two readings.
    """
    if numbers.ndim == 2 and numbers.shape[1] != 1:
        bits = bool(((numbers == 0) | (numbers == 1)).all())
        return "values" if not bits else "classes" if bool((numbers.sum(1) == 1).all()) else "labels"
    column = numbers.reshape(-1)
    exact = not column.is_floating_point()
    if not len(column):
        return "classes" if exact else "values"
    if not _whole(column):
        return "values"
    known = torch.unique(column.long())
    dense = int(known[0]) == 0 and int(known[-1]) == len(known) - 1
    if exact and dense:
        return "classes"
    how = "of which some between 0 and the largest are missing" if exact else "in a floating-point type"
    raise DataError(
        f"{what} are whole numbers {how} ({_some(known)}): class numbers, or values? Say which: "
        'Examples.of(x, y, kind="classes"), with ways= for the number of classes, or Examples.of(x, y, kind="values").'
    )


def _classes(numbers: Tensor, ways: int | None, what: str) -> Tensor:
    """Class numbers or one-hot rows as one-hot rows of ``ways`` columns."""
    if numbers.ndim == 2 and numbers.shape[1] != 1:
        rows = numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())
        if not bool((((rows == 0) | (rows == 1)).all(1) & (rows.sum(1) == 1)).all()):
            raise DataError(
                f"{what} are rows of {rows.shape[1]} numbers that are not one-hot: a row of a class holds a single 1. "
                'If a row may have several labels: kind="labels"; for numbers: kind="values".'
            )
        if ways is not None and ways < rows.shape[1]:
            raise DataError(f"{what} are one-hot rows of {rows.shape[1]} columns, more than ways={ways}. Raise ways.")
        return torch.nn.functional.pad(rows, (0, (ways or rows.shape[1]) - rows.shape[1]))
    column = numbers.reshape(-1)
    if not _whole(column):
        wrong = _first(column[column != column.round()])
        raise DataError(f'{what} of kind="classes" must be whole numbers from 0, but one is {wrong}. For numbers: kind="values".')
    column = column.long()
    low, high = (int(column.min()), int(column.max())) if len(column) else (0, -1)
    known = ways if ways is not None else high + 1
    if not (low >= 0 and high < known):
        raise DataError(f"{what} are class numbers in {low}..{high}, outside of 0..{max(known, 1) - 1}. Number classes from 0.")
    if len(column) * known > _MOST:
        raise DataError(
            f"{what}: class number {high} would need {known:,} columns for {len(column):,} rows. Number the classes from 0 "
            "without gaps; datasets.from_arrays(x, y) does."
        )
    return torch.zeros(len(column), known, device=column.device).scatter_(1, column[:, None], 1.0)


def _whole(column: Tensor) -> bool:
    return not column.is_floating_point() or bool((column == column.round()).all())


def _first(column: Tensor) -> str:
    return f"{column[0].item():.6g}"


def _some(known: Tensor, most: int = 5) -> str:
    return ", ".join(map(str, known[:most].tolist())) + (" …" if len(known) > most else "")


def _described(array: NDArray[Any]) -> str:
    if array.dtype.kind in "UST":
        given: Sequence[Any] = array.reshape(-1)[:3].tolist()
        return f"text ({', '.join(map(repr, given))})"
    return f"of type {array.dtype}"
