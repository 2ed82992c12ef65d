"""What every input kind offers: one raw thing or many become tensors, and the record itself becomes JSON and back."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, Self

from quickstudy.functional.tree import map_leaves
from quickstudy.inputs.row_shape import RowShape
from quickstudy.task import Inputs

__all__ = ["InputKind"]


class InputKind(ABC):
    """How raw things become inputs: a frozen dataclass that travels with every learner and predictor, the same everywhere.

    A subclass names itself in ``name`` and its raw things in ``things``, writes `batch` and `gives`, and has one line in
    `quickstudy.inputs.kinds`. What it knows of data (means, categories) comes from meta-training rows alone.
    """

    name: ClassVar[str]
    things: ClassVar[str]
    """Raw things in the plural, as messages name them: "images"."""
    again: ClassVar[str]
    """How other data are read by a learner's own record, as a call."""
    parts: ClassVar[str] = ""
    """What rows are, in the plural, where one raw thing becomes several, told apart by a leaf ``unit``: "words" of a sentence."""

    @abstractmethod
    def batch(self, things: Any) -> Inputs:
        """Inputs, leading axis Q, of one raw thing or many; a tensor of inputs that were read already stays as it is.

        Raises:
            DataError: something that is none.
        """

    @abstractmethod
    def gives(self, rows: RowShape) -> bool:
        """Whether rows of this shape are what `batch` makes."""

    def __call__(self, thing: Any) -> Inputs:
        """The input of ONE raw thing, without a leading axis.

        Raises:
            DataError: it is none.
        """
        return map_leaves(lambda leaf: leaf[0], self.batch([thing]))

    def scaled(self, rows: Inputs) -> Inputs:
        """Rows as they are kept in memory, as inputs."""
        return rows

    def to_json(self) -> dict[str, Any]:
        """The record as JSON can hold it; `quickstudy.inputs.kinds.input_kind` reads it."""
        return {"kind": self.name} | asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Of what `to_json` gave, without its ``kind``.

        Raises:
            DataError, TypeError, ValueError: it is none of this kind.
        """
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})
