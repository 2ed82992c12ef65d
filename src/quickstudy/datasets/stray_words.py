"""Refuses a word among the numbers of a column, which would make the whole column one of categories."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError
from quickstudy.inputs.column import is_missing

__all__ = ["check_no_stray_words"]


def check_no_stray_words(rows: Mapping[str, Any], called: str) -> None:
    """Refuses columns of which most values are numbers, and some are not.

    Args:
        rows: values by column, as a file was read.
        called: names the data in messages.

    Raises:
        DataError: the column, and the first row that holds a word.

    >>> check_no_stray_words({"age": ["41", "50", "old"]}, "people")
    Traceback (most recent call last):
        ...
    quickstudy.errors.DataError: people: the column "age" holds numbers, but row 2 (the first is 0) has 'old'. Correct it, or \
leave it empty where it is unknown.
    """
    for name, values in rows.items():
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
            continue
        words = [
            row for row, value in enumerate(values) if isinstance(value, str) and not is_missing(value) and not _number(value)
        ]
        present = sum(not is_missing(value) for value in values)
        if words and len(words) < present / 2:
            raise DataError(
                f'{called}: the column "{name}" holds numbers, but row {words[0]} (the first is 0) has '
                f"{shown(values[words[0]])}. Correct it, or leave it empty where it is unknown."
            )


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
