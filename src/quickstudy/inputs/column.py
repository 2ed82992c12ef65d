"""One named column of a table as numbers: a number, a category or a date, with what is missing and what was never seen."""

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError

__all__ = ["Column", "days", "fitted", "is_missing"]

_Kind = Literal["number", "category", "date"]

_FAR = 10.0
_MOST_CATEGORIES = 100
_FEW = 10
_CODE = re.compile(r"-?\d+|True|False")
_DAY = 86_400.0
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")
_WORDS = {"number": "numbers", "category": "texts", "date": "dates"}
_GIVE = {"number": "a number", "category": "a text", "date": "a date as 2026-03-31"}


@dataclass(frozen=True)
class Column:
    """A column as `Columns` reads it.

    A number or a date (days since 1970) becomes ``(v − mean) / deviation``, kept within ±10; a category becomes a one-hot row of
    its known values and, as the last, one for unknown ones. Where meta-training rows lack values, one more number is 1 for a
    missing value (whose other numbers are 0); where they never do, a missing value is refused. With a ``floor`` a number is read
    as ``log(v + floor)``, mean and deviation are those of the logarithms, and a negative value is refused.

    Args:
        name: of the column.
        kind: "number", "category" or "date".
        mean, deviation: of the numbers, or of the dates in days.
        values: the known categories, sorted.
        missing: whether values may be missing.
        floor: added before the logarithm; 0 for a column that is read as it is.

    Raises:
        DataError: a record that is none.
    """

    name: str
    kind: _Kind = "number"
    mean: float = 0.0
    deviation: float = 1.0
    values: tuple[str, ...] = ()
    missing: bool = False
    floor: float = 0.0

    def __post_init__(self) -> None:
        sound = isinstance(self.name, str) and self.kind in get_args(_Kind) and isinstance(self.missing, bool)
        numbers = (self.mean, self.deviation, self.floor)
        sound = sound and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers) and self.deviation > 0
        sound = sound and self.floor >= 0 and (not self.floor or self.kind == "number")
        values = tuple(self.values)
        if not sound or not all(isinstance(value, str) for value in values) or len(set(values)) < len(values):
            raise DataError(f"the record of the column {self.name!r} is none: {shown(tuple(vars(self).values()), 200)}.")
        object.__setattr__(self, "values", values)

    @property
    def width(self) -> int:
        """How many numbers a value becomes."""
        return (len(self.values) + 1 if self.kind == "category" else 1) + self.missing

    def read(self, given: Sequence[Any] | NDArray[Any]) -> NDArray[np.float32]:
        """Values as rows of numbers, (R, width).

        Raises:
            DataError: a value that is missing, infinite or of another kind; the column and the first such row are named.
        """
        lacking, values = self._present(given)
        found = np.zeros((len(lacking), self.width), dtype=np.float32)
        if bool(lacking.any()):
            if not self.missing:
                raise DataError(
                    f'the column "{self.name}" has no value in row {int(lacking.argmax())} (the first is 0), and meta-training '
                    f"rows never lack one. Give {_GIVE[self.kind]}."
                )
            found[lacking, -1] = 1
        rows = np.flatnonzero(~lacking)
        if self.kind == "category":
            known = {value: place for place, value in enumerate(self.values)}
            found[rows, [known.get(value, len(self.values)) for value in values]] = 1
        else:
            scaled = (self._logarithms(np.asarray(values, dtype=np.float64), rows) - self.mean) / self.deviation
            found[rows, 0] = scaled.clip(-_FAR, _FAR)
        return found

    def _present(self, given: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[np.bool_], Sequence[Any] | NDArray[Any]]:
        """Which values are missing, and the others as this kind has them."""
        if self.kind == "number" and isinstance(given, np.ndarray) and given.dtype.kind in "fiub":
            numbers = given.astype(np.float64)
            lacking = np.isnan(numbers)
            if bool(np.isinf(numbers).any()):
                raise self._wrong(int(np.isinf(numbers).argmax()), "an infinite value")
            return lacking, numbers[~lacking]
        items = _items(given)
        lacking = np.fromiter((is_missing(item) for item in items), dtype=bool, count=len(items))
        read = {"number": _number, "category": _text, "date": days}[self.kind]
        values = []
        for row in np.flatnonzero(~lacking).tolist():
            value: Any = read(items[row])
            if value is None or (self.kind == "category" and self.values and not self._takes(items[row])):
                raise self._wrong(row, shown(items[row]))
            values.append(value)
        return lacking, values

    def _logarithms(self, numbers: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Numbers of these rows, or their logarithms."""
        if not self.floor:
            return numbers
        if bool((numbers < 0).any()):
            first = int((numbers < 0).argmax())
            raise DataError(
                f'the column "{self.name}" holds numbers of 0 or more (their logarithms are read), but row {int(rows[first])} '
                f"(the first is 0) has {numbers[first]:g}. Correct it, or leave it empty where it is unknown."
            )
        found: NDArray[np.float64] = np.log(numbers + self.floor)
        return found

    def _takes(self, item: Any) -> bool:
        """Whether a category is written as the known ones are: numbers belong among codes alone."""
        return isinstance(item, str) or all(_CODE.fullmatch(value) for value in self.values)

    def _wrong(self, row: int, what: str) -> DataError:
        return DataError(
            f'the column "{self.name}" holds {_WORDS[self.kind]}, but row {row} (the first is 0) has {what}. '
            f"Give {_GIVE[self.kind]}."
        )


def fitted(name: str, given: Sequence[Any] | NDArray[Any], *, category: bool = False, logarithm: bool = False) -> Column:
    """A column as meta-training rows have it.

    Numbers and truth values are numbers, dates and texts that are all ISO dates are dates, other texts are categories.

    Args:
        name: of the column.
        given: its values in the meta-training rows.
        category: whether its numbers are codes of categories.
        logarithm: read numbers by their logarithm, if they are skewed: none is negative, there are more than ten, and their
            logarithms (after the smallest positive one is added) have the smaller skewness.

    Raises:
        DataError: values of several kinds or of none, no value at all, infinite ones, or more than 100 categories.

    >>> fitted("age", [40, 60, None]), fitted("city", ["Rome", "Oslo"]).values
    (Column(name='age', kind='number', mean=50.0, deviation=10.0, values=(), missing=True, floor=0.0), ('Oslo', 'Rome'))
    """
    if isinstance(given, np.ndarray) and given.dtype.kind in "fiub" and not category:
        return _of_numbers(name, given.astype(np.float64), logarithm)
    items = _items(given)
    present = [item for item in items if not is_missing(item)]
    if not present:
        raise _empty(name)
    kind = "category" if category else _kind(name, present)
    missing = len(present) < len(items)
    if kind == "category":
        values = tuple(sorted({_text(item) or "" for item in present}))
        if "" in values:
            wrong = next(item for item in present if not _text(item))
            raise DataError(f'the column "{name}" holds {shown(wrong)}, which is no category. Give texts or whole numbers.')
        if len(values) > _MOST_CATEGORIES:
            raise DataError(
                f'the column "{name}" holds {len(values):,} different texts ({shown(values[0])}, …), more than the '
                f"{_MOST_CATEGORIES} categories of a column. Leave it out: columns=[…] names those that are inputs. If it "
                f'is a text, text="{name}"; dates are written as 2026-03-31.'
            )
        return Column(name, "category", values=values, missing=missing)
    _, found = Column(name, kind, missing=True)._present(items)
    return _scaled(name, kind, np.asarray(found, dtype=np.float64), missing=missing, logarithm=logarithm)


def _of_numbers(name: str, given: NDArray[np.float64], logarithm: bool) -> Column:
    lacking, numbers = Column(name, missing=True)._present(given)
    if not len(numbers):
        raise _empty(name)
    return _scaled(name, "number", np.asarray(numbers), missing=bool(lacking.any()), logarithm=logarithm)


def _scaled(name: str, kind: _Kind, numbers: NDArray[np.float64], *, missing: bool, logarithm: bool) -> Column:
    floor = _floor(numbers) if logarithm and kind == "number" else 0.0
    numbers = np.log(numbers + floor) if floor else numbers
    spread = float(numbers.std())
    tiny = spread <= 1e-9 * max(1.0, float(np.abs(numbers).max()))
    return Column(name, kind, float(numbers.mean()), 1.0 if tiny else spread, missing=missing, floor=floor)


def _floor(numbers: NDArray[np.float64]) -> float:
    """What is added before the logarithm, the smallest positive number; 0 where numbers are not skewed."""
    positive = numbers[numbers > 0]
    if len(np.unique(numbers)) <= _FEW or not len(positive) or float(numbers.min()) < 0:
        return 0.0
    floor = float(positive.min())
    return floor if abs(_skewness(np.log(numbers + floor))) < abs(_skewness(numbers)) else 0.0


def _skewness(numbers: NDArray[np.float64]) -> float:
    scaled = (numbers - numbers.mean()) / max(float(numbers.std()), 1e-300)
    return float((scaled**3).mean())


def _empty(name: str) -> DataError:
    return DataError(f'the column "{name}" has no values in the rows that are learned from. Leave it out.')


def _kind(name: str, present: Sequence[Any]) -> _Kind:
    if all(hasattr(item, "__float__") and not isinstance(item, str | bytes) for item in present):
        return "number"
    if all(days(item) is not None for item in present):
        return "date"
    if all(isinstance(item, str) for item in present):
        return "category"
    first = present[0]
    other = next((item for item in present if _sort(item) != _sort(first)), first)
    raise DataError(
        f'the column "{name}" holds {shown(first)} and {shown(other)}: a column is of numbers, of dates or of texts. '
        "Write all its values in one way, or leave it out."
    )


def _sort(item: Any) -> str:
    return "number" if _number(item) is not None else "text" if isinstance(item, str) else type(item).__name__


def is_missing(item: Any) -> bool:
    """Whether a value is none: None, NaN, pandas' NA and NaT, or an empty text.

    >>> [is_missing(item) for item in (None, float("nan"), " ", 0, "x")]
    [True, True, True, False, False]
    """
    if isinstance(item, str):
        return not item.strip()
    if isinstance(item, np.datetime64 | np.timedelta64):
        return bool(np.isnat(item))
    nan = isinstance(item, float | np.floating) and bool(item != item)
    return item is None or nan or type(item).__name__ in ("NAType", "NaTType")


def _items(given: Sequence[Any] | NDArray[Any]) -> list[Any]:
    if isinstance(given, np.ndarray) and given.dtype.kind == "M":
        return list(given)
    return given.tolist() if isinstance(given, np.ndarray) else list(given)


def _number(item: Any) -> float | None:
    if isinstance(item, str | bytes | complex) or not hasattr(item, "__float__"):
        return None
    try:
        value = float(item)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _text(item: Any) -> str | None:
    if isinstance(item, str):
        return " ".join(item.split())
    whole = isinstance(item, int | np.integer | np.bool_) or (isinstance(item, float | np.floating) and float(item).is_integer())
    return None if not whole else str(bool(item)) if isinstance(item, bool | np.bool_) else str(int(item))


def days(item: Any) -> float | None:
    """Days since 1970-01-01 of a date, a time (without a zone: UTC) or their ISO text; None of anything else.

    >>> days("1970-01-02"), days(datetime.datetime(1970, 1, 1, 12)), days("soon")
    (1.0, 0.5, None)
    """
    if isinstance(item, np.datetime64):
        return float(item.astype("datetime64[us]").astype(np.int64)) / (1e6 * _DAY)
    if isinstance(item, str):
        if not _DATE.fullmatch(item.strip()):
            return None
        try:
            item = datetime.datetime.fromisoformat(item.strip())
        except ValueError:
            return None
    if isinstance(item, datetime.datetime):
        aware = item if item.tzinfo is not None else item.replace(tzinfo=datetime.UTC)
        return aware.timestamp() / _DAY
    if isinstance(item, datetime.date):
        return float((item - datetime.date(1970, 1, 1)).days)
    return None
