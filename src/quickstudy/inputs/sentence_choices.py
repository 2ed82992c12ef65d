"""Sentences beside the sentences of which one is their translation, as rows of code points."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from quickstudy.borders.arguments import shown, whole
from quickstudy.errors import DataError
from quickstudy.functional.spelling import codes_of
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.task import Inputs

__all__ = ["SentenceChoices"]

_LEAVES = ("source", "candidates")
_HOW = 'Give a record of "source" and "candidates", or a text with a tab or a line break before each candidate.'


@dataclass(frozen=True)
class SentenceChoices(InputKind):
    """Turns a sentence with candidates for its translation into code points.

    A raw thing is a record with ``source`` and ``candidates``, a list of texts; or a text in which a tab or a line break stands
    before each candidate. Two candidates with the same text are one.

    Args:
        length: most letters of a sentence; the rest is cut off.
        choices: most candidates.

    Raises:
        DataError: numbers below 1.

    >>> rows = SentenceChoices(length=4, choices=3).batch([{"source": "ja", "candidates": ["yes", "no"]}, "nein\\tno\\tyes"])
    >>> rows["source"].tolist(), rows["candidates"].shape, rows["candidates"][1, 0].tolist()
    ([[106, 97, 0, 0], [110, 101, 105, 110]], torch.Size([2, 3, 4]), [110, 111, 0, 0])
    """

    name: ClassVar[str] = "sentence_choices"
    things: ClassVar[str] = "sentences with candidates"
    again: ClassVar[str] = "learner.reads.batch(sentences)"

    length: int = 160
    choices: int = 100

    def __post_init__(self) -> None:
        whole(DataError, length=self.length, choices=self.choices)

    def gives(self, rows: RowShape) -> bool:
        shapes = {"['source']": (self.length,), "['candidates']": (self.choices, self.length)}
        return {place: shape for place, shape, _ in rows.tensors} == shapes

    def batch(self, things: Any) -> Inputs:
        """Code points (Q, length) and those of candidates (Q, choices, length), of one sentence or many; or rows read already.

        Raises:
            DataError: something that is no sentence with candidates, or too many of these.
        """
        if isinstance(things, Mapping) and all(isinstance(things.get(name), Tensor) for name in _LEAVES):
            return self._read_already(things)
        if isinstance(things, str | Mapping):
            things = [things]
        if isinstance(things, bytes) or not hasattr(things, "__iter__"):
            raise DataError(f"{shown(things)} is no sentence with candidates. {_HOW}")
        found = [self._parted(thing, f"sentence {number} (the first is 0)") for number, thing in enumerate(things)]
        if not found:
            raise DataError("there are no sentences. Give at least one.")
        rows = torch.stack([self.listed(candidates) for _, candidates in found])
        return {"source": codes_of([source for source, _ in found], self.length), "candidates": rows}

    def listed(self, candidates: Sequence[str]) -> Tensor:
        """Code points of candidates (choices, length), 0 where there are no more."""
        rows = torch.zeros(self.choices, self.length, dtype=torch.long)
        rows[: len(candidates)] = codes_of(candidates, self.length)
        return rows

    def spelled(self, text: Any, where: str) -> str:
        """A sentence in composed letters (Unicode NFC), with single spaces, and without its end where it is too long.

        Raises:
            DataError: it is no text, or empty.
        """
        if not isinstance(text, str) or not text.strip():
            given = "empty" if isinstance(text, str) or text is None or text != text else f"{shown(text)}, no text"
            raise DataError(f"{where} is {given}. Give a sentence, or leave the row out.")
        return unicodedata.normalize("NFC", " ".join(text.replace("\0", " ").split()))[: self.length].strip()

    def _parted(self, thing: Any, where: str) -> tuple[str, list[str]]:
        """A sentence and its candidates."""
        if isinstance(thing, str):
            source, _, listed = thing.strip().replace("\n", "\t").partition("\t")
            candidates: Any = listed
        elif isinstance(thing, Mapping):
            missing = next((name for name in _LEAVES if name not in thing), None)
            if missing is not None:
                raise DataError(f'{where} has no "{missing}". {_HOW}')
            source, candidates = thing["source"], thing["candidates"]
        else:
            raise DataError(f"{where} is {shown(thing)}. {_HOW}")
        if isinstance(candidates, str):
            candidates = [each for each in candidates.replace("\n", "\t").split("\t") if each.strip()]
        if not isinstance(candidates, list | tuple) or not candidates:
            given = "no candidates" if not candidates else f"{shown(candidates)} for candidates"
            raise DataError(f"{where} has {given}. {_HOW}")
        if len(candidates) > self.choices:
            raise DataError(f"{where} has {len(candidates)} candidates; at most {self.choices} are read. Ask in several parts.")
        read = [self.spelled(each, f"candidate {place} of {where}") for place, each in enumerate(candidates, 1)]
        return self.spelled(source, where), list(dict.fromkeys(read))

    def _read_already(self, things: Mapping[str, Tensor]) -> Inputs:
        found = {name: things[name] for name in _LEAVES}
        if found["source"].ndim == 1:
            found = {name: leaf[None] for name, leaf in found.items()}
        shapes = [tuple(leaf.shape[1:]) for leaf in found.values()]
        if shapes != [(self.length,), (self.choices, self.length)] or any(leaf.is_floating_point() for leaf in found.values()):
            raise DataError(f"tensors of shapes {shapes} are no sentences that were read. {_HOW}")
        return found
