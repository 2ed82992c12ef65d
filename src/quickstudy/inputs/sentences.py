"""Sentences as rows, one for each word: the pieces of the whole sentence, which are the word's, and which sentence it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.inputs.wordpiece import END, START, pieces_of
from quickstudy.task import Inputs

__all__ = ["Sentences", "words_of"]

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_LEAVES = ("pieces", "start", "end", "unit")


def words_of(text: str) -> list[str]:
    """The words and signs of a text.

    >>> words_of("Who's in Dr. No?")
    ["Who's", 'in', 'Dr', '.', 'No', '?']
    """
    return _WORD.findall(text)


@dataclass(frozen=True)
class Sentences(InputKind):
    """Turns a sentence into a row for each of its words; a raw thing is a text, or a sequence of words.

    A row holds all pieces of its sentence, so that it is complete in itself; ``pieces[start:end]`` are the word's, and rows of
    equal ``unit`` are one sentence, its words in order.

    Args:
        length: most pieces of a sentence, the marks at its ends included; up to 512.

    Raises:
        DataError: a length outside of 3 to 512.

    >>> rows = Sentences(length=8).batch(["play Björk", ["Go", "!"]])
    >>> rows["pieces"].tolist()[0], rows["start"].tolist(), rows["end"].tolist(), rows["unit"].tolist()
    ([101, 2377, 1038, 5558, 8024, 102, 0, 0], [1, 2, 1, 2], [2, 5, 2, 3], [0, 0, 1, 1])
    """

    name: ClassVar[str] = "sentences"
    things: ClassVar[str] = "sentences"
    again: ClassVar[str] = "learner.reads.batch(sentences)"
    parts: ClassVar[str] = "words"

    length: int = 128

    def __post_init__(self) -> None:
        if isinstance(self.length, bool) or not isinstance(self.length, int) or not 3 <= self.length <= 512:
            raise DataError(f"length={shown(self.length)} of sentences must be a whole number from 3 to 512.")

    def gives(self, rows: RowShape) -> bool:
        shapes = {"pieces": (self.length,), "start": (), "end": (), "unit": ()}
        return {place: shape for place, shape, _ in rows.tensors} == {f"['{name}']": shape for name, shape in shapes.items()}

    def batch(self, things: Any) -> Inputs:
        """Rows of all words of one sentence or many; or rows that were read already.

        Raises:
            DataError: something that is no sentence, or one that is empty or too long.
        """
        if isinstance(things, Mapping):
            return self._read_already(things)
        if isinstance(things, bytes) or not hasattr(things, "__iter__"):
            raise DataError(f"{shown(things)} is no sentence. Give a text, or a list of texts or of lists of words.")
        sentences = [things] if isinstance(things, str) else list(things)
        if not sentences:
            raise DataError("there are no sentences. Give at least one.")
        found = [
            self.read(self.words(sentence, number), f"sentence {number} (the first is 0)")
            for number, sentence in enumerate(sentences)
        ]
        sizes = torch.tensor([len(starts) for _, starts, _ in found])
        return {
            "pieces": torch.stack([pieces for pieces, _, _ in found]).repeat_interleave(sizes, 0),
            "start": torch.cat([starts for _, starts, _ in found]),
            "end": torch.cat([ends for _, _, ends in found]),
            "unit": torch.arange(len(found)).repeat_interleave(sizes),
        }

    def words(self, sentence: Any, number: int = 0) -> list[str]:
        """The words of a sentence, a text or a sequence of words.

        Raises:
            DataError: it is neither, or has none.
        """
        place = f"sentence {number} (the first is 0)"
        if isinstance(sentence, str):
            words = words_of(sentence)
        elif isinstance(sentence, Sequence) and all(isinstance(word, str) for word in sentence):
            words = list(sentence)
        else:
            raise DataError(f"{place} is {shown(sentence)}, no sentence. Give a text or a list of words.")
        if not words or not all(word.strip() for word in words):
            raise DataError(
                f"{place} has {'an empty word' if words else 'no words'}. Give a text with words in it, or leave it out."
            )
        return words

    def read(self, words: Sequence[str], place: str = "the sentence") -> tuple[Tensor, Tensor, Tensor]:
        """The pieces of a sentence (length,), and where those of each word start and end (words,).

        Raises:
            DataError: more pieces than are read.
        """
        pieces, starts, ends = [START], [], []
        for word in words:
            starts.append(len(pieces))
            pieces.extend(pieces_of(word))
            ends.append(len(pieces))
        if len(pieces) + 1 > self.length:
            most = self.length - 2
            raise DataError(f"{place} has {len(pieces) - 1} pieces of words; at most {most} are read. Split it into sentences.")
        row = torch.zeros(self.length, dtype=torch.int64)
        row[: len(pieces) + 1] = torch.tensor([*pieces, END])
        return row, torch.tensor(starts), torch.tensor(ends)

    def _read_already(self, rows: Mapping[str, Any]) -> Inputs:
        found = {name: rows[name] for name in _LEAVES if isinstance(rows.get(name), Tensor)}
        if len(found) < len(_LEAVES) or found["pieces"].shape[-1] != self.length:
            raise DataError(
                f"a record of {', '.join(map(str, rows))} is no sentence. Give texts, or rows that were read: tensors "
                f"{', '.join(_LEAVES)}, of {self.length} pieces."
            )
        return found
