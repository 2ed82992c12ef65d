"""Rows of a table as people have them, dictionaries, lists, arrays, pandas tables, brought to values by column."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError, nearest

__all__ = ["raw_columns", "refuse_twice", "some_names"]


def raw_columns(things: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """Values by column, of rows in any form that people have them in.

    Args:
        things: a dictionary by column, a list of them, a dictionary of lists, a pandas table or row; or, where ``names`` are
            known, an array or lists of values in their order.
        names: of the columns, where they are known.

    Raises:
        DataError: none of these, no rows, two columns of one name, or rows of different columns.

    >>> raw_columns([{"age": 41}, {"age": 50}], None)
    {'age': [41, 50]}
    """
    if hasattr(things, "columns") and hasattr(things, "iloc"):
        refuse_twice([str(name) for name in things.columns])
        return {str(name): _array(things[name]) for name in things.columns}
    if isinstance(things, list | tuple) and not things:
        raise DataError("there are no rows. Give at least one.")
    if hasattr(things, "to_dict") and hasattr(things, "index"):
        things = things.to_dict()
    if isinstance(things, Mapping):
        if all(isinstance(value, str) or not hasattr(value, "__len__") for value in things.values()):
            things = [things]
        else:
            return {str(name): _array(values) for name, values in things.items()}
    if isinstance(things, np.ndarray) or (isinstance(things, list | tuple) and things and not isinstance(things[0], Mapping)):
        return _unnamed(things, names)
    if not isinstance(things, list | tuple) or not all(isinstance(row, Mapping) for row in things):
        raise DataError(f"{shown(things)} is no row of a table. Give a dictionary by column, a list of them, or a table.")
    return _of_dictionaries(things)


def _of_dictionaries(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = dict.fromkeys(str(name) for row in rows for name in row)
    for number, row in enumerate(rows):
        lacking = next((name for name in known if name not in row), None)
        if lacking is not None:
            raise DataError(
                f'row {number} (the first is 0) has no column "{lacking}", which others have.{nearest(lacking, map(str, row))} '
                "Give all rows the same columns (None where a value is missing)."
            )
    return {name: [row[name] for row in rows] for name in known}


def _unnamed(things: Any, names: Sequence[str] | None) -> dict[str, Any]:
    if names is None:
        raise DataError("columns are learned from a table with names: a dictionary of lists, a list of dictionaries, or pandas'.")
    table = np.asarray(things, dtype=None if isinstance(things, np.ndarray) else object)
    table = table[None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[1] != len(names):
        raise DataError(
            f"rows of {len(names)} values are needed, in the order {some_names(names)}, not an array of {tuple(table.shape)}."
        )
    return {name: table[:, place] for place, name in enumerate(names)}


def _array(values: Any) -> Sequence[Any] | NDArray[Any]:
    if isinstance(values, Tensor):
        return values.detach().cpu().numpy()
    if hasattr(values, "isna") and hasattr(values, "to_numpy"):
        plain = str(values.dtype).rstrip("0123456789") in ("float", "int", "uint", "bool")
        return values.to_numpy() if plain else values.astype(object).tolist()  # type: ignore[no-any-return]
    return values if isinstance(values, np.ndarray) else list(values)


def refuse_twice(names: Sequence[str]) -> None:
    """
    Raises:
        DataError: two columns of one name.
    """
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise DataError(f'two columns have the name "{twice}". Give each a name of its own.')


def some_names(names: Sequence[str], most: int = 8) -> str:
    """Names in a message, the first few of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
