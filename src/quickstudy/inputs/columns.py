"""A row of a table as a vector: named columns of numbers, categories and dates, scaled as in meta-training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import DataError, nearest
from quickstudy.inputs.column import Column, fitted
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.raw_columns import raw_columns, refuse_twice, some_names
from quickstudy.inputs.row_shape import RowShape, refuse_missing

__all__ = ["Columns"]

_BEYOND = 10.001


@dataclass(frozen=True)
class Columns(InputKind):
    """Turns a row of a table, a dictionary by column, into a vector of ``width`` numbers; `Column` says how each value is read.

    Raw rows come as a dictionary, a list of dictionaries, a pandas table or row, a dictionary of lists, or an array or lists of
    values in the order of the columns. A *tensor* is taken as rows that were read already, (Q, width).

    Args:
        columns: in order.

    Raises:
        DataError: no columns, or two of one name.

    >>> rows = Columns.fitted({"age": [30.0, 50.0], "sex": ["f", "m"]})
    >>> rows({"age": 60.0, "sex": "x"})
    tensor([2., 0., 0., 1.])
    """

    name: ClassVar[str] = "columns"
    things: ClassVar[str] = "rows of a table"
    again: ClassVar[str] = "datasets.table(path, …, reads=learner.reads)"

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns or not all(isinstance(column, Column) for column in self.columns):
            raise DataError("a table needs at least one column that is an input. Name them: columns=[…]")
        refuse_twice(self.names)

    @classmethod
    def fitted(cls, rows: Any, *, categories: Sequence[str] = (), logarithms: bool = False) -> Self:
        """As meta-training rows have them, in any form that `batch` takes but an array.

        Args:
            rows: meta-training rows alone: means and deviations of others would be known before they are seen.
            categories: columns whose numbers are codes of categories.
            logarithms: read skewed columns of amounts, counts or concentrations by their logarithms, see `Column`.

        Raises:
            DataError: no rows, or a column that can be read in no way.
        """
        table = raw_columns(rows, None)
        for name in categories:
            if name not in table:
                raise DataError(f"there is no column {name!r}.{nearest(name, table)} The columns are {some_names(list(table))}.")
        if not table or not len(next(iter(table.values()))):
            raise DataError("there are no rows to learn the columns from. Give at least one.")
        return cls(
            tuple(fitted(name, values, category=name in categories, logarithm=logarithms) for name, values in table.items())
        )

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(tuple(Column(**column) for column in found["columns"]))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """How many numbers a row becomes."""
        return sum(column.width for column in self.columns)

    def __str__(self) -> str:
        return f"Columns({some_names(self.names)})"

    def gives(self, rows: RowShape) -> bool:
        return rows.are_of((self.width,))

    def __call__(self, thing: Any) -> Tensor:
        found = self.batch(thing)
        if len(found) != 1:
            raise DataError(f"these are {len(found)} rows of a table. Give one, or call batch.")
        return found[0]

    def batch(self, things: Any) -> Tensor:
        """Rows (Q, width) of one raw row or many; a tensor of such rows stays as it is.

        Raises:
            DataError: a column that is missing, unknown or given twice, or a value that its column cannot be.
        """
        if isinstance(things, Tensor):
            return self._read_already(things)
        table = raw_columns(things, self.names)
        for name in table:
            if name not in self.names:
                raise DataError(
                    f"the column {name!r} is none of this learner's.{nearest(name, self.names)} Leave it out; the columns "
                    f"are {some_names(self.names)}."
                )
        for name in self.names:
            if name not in table:
                raise DataError(f'the column "{name}" is missing. Give all of {some_names(self.names)}.')
        count = len(table[self.names[0]])
        if not count:
            raise DataError("there are no rows. Give at least one.")
        for name, values in table.items():
            if len(values) != count:
                raise DataError(f'the column "{name}" has {len(values)} values, "{self.names[0]}" {count}. Give as many of each.')
        rows = np.concatenate([column.read(table[column.name]) for column in self.columns], 1)
        return torch.from_numpy(rows).to(torch.get_default_dtype())

    def _read_already(self, x: Tensor) -> Tensor:
        if x.ndim not in (1, 2) or x.shape[-1] != self.width or not x.is_floating_point():
            raise DataError(
                f"a tensor is taken as rows that were read already, ({self.width},) or (Q, {self.width}) decimal numbers, not "
                f"{tuple(x.shape)} of {x.dtype}. Give raw values as dictionaries, a table or an array."
            )
        refuse_missing(x, "rows that were read already")
        if x.numel() and float(x.detach().abs().max()) > _BEYOND:
            raise DataError(
                "a tensor is taken as rows that were read already, whose numbers lie within ±10. Give raw values as "
                "dictionaries, a table or an array."
            )
        return x[None] if x.ndim == 1 else x
