"""Words with grammatical features as inputs: what a form is made of."""

import unicodedata
import zlib
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

__all__ = ["WordForms"]

_LEAVES = ("lemma", "tags")


@dataclass(frozen=True)
class WordForms(InputKind):
    """Turns a lemma with the features of the wanted form into code points and numbers of features.

    A raw thing is a record with ``lemma`` and ``tags``, or a text whose last word are the features: ``"machen V;PST;3;SG"``.
    Features are separated by semicolons, the part of speech first; each becomes a number by its name (CRC-32), so that no list of
    them is needed.

    Args:
        length: most letters of a lemma or a form.
        tags: most features of a form.

    Raises:
        DataError: numbers below 1.

    >>> rows = WordForms(length=6, tags=3).batch(["go V;PST", {"lemma": "be", "tags": "V;PST;PL"}])
    >>> rows["lemma"].tolist(), rows["tags"].shape, bool(rows["tags"][0, 0] == rows["tags"][1, 0])
    ([[103, 111, 0, 0, 0, 0], [98, 101, 0, 0, 0, 0]], torch.Size([2, 3]), True)
    """

    name: ClassVar[str] = "word_forms"
    things: ClassVar[str] = "words"
    again: ClassVar[str] = "learner.reads.batch(words)"

    length: int = 40
    tags: int = 16

    def __post_init__(self) -> None:
        whole(DataError, length=self.length, tags=self.tags)

    def gives(self, rows: RowShape) -> bool:
        shapes = {"['lemma']": (self.length,), "['tags']": (self.tags,)}
        return {place: shape for place, shape, _ in rows.tensors} == shapes

    def batch(self, things: Any) -> Inputs:
        """Code points (Q, length) and numbers of features (Q, tags) of one word or many; or rows that were read already.

        Raises:
            DataError: something that is no word with features, or one that is too long.
        """
        if isinstance(things, Mapping) and all(isinstance(things.get(name), Tensor) for name in _LEAVES):
            return self._read_already(things)
        if isinstance(things, str | Mapping):
            things = [things]
        if isinstance(things, bytes) or not hasattr(things, "__iter__"):
            raise DataError(f"{shown(things)} is no word. Give a lemma with its features: 'machen V;PST;3;SG'.")
        pairs = [self._pair(thing, number) for number, thing in enumerate(things)]
        if not pairs:
            raise DataError("there are no words. Give at least one.")
        tags = torch.zeros(len(pairs), self.tags, dtype=torch.long)
        for row, (_, names) in enumerate(pairs):
            tags[row, : len(names)] = torch.tensor([_number(name) for name in names])
        return {"lemma": codes_of([lemma for lemma, _ in pairs], self.length), "tags": tags}

    def spelled(self, text: Any, where: str) -> str:
        """A lemma or a form in composed letters (Unicode NFC), without spaces around it.

        Raises:
            DataError: it is no text, empty or too long.
        """
        if not isinstance(text, str) or not text.strip():
            given = "empty" if isinstance(text, str) or text is None or text != text else f"{shown(text)}, no text"
            raise DataError(f"{where} is {given}. Give a word, or leave the row out.")
        found = unicodedata.normalize("NFC", " ".join(text.split()))
        if len(found) > self.length or "\0" in found:
            raise DataError(f"{where} has {len(found)} letters; at most {self.length} are read: {shown(found)}. Leave it out.")
        return found

    def _pair(self, thing: Any, number: int) -> tuple[str, Sequence[str]]:
        """A lemma and the names of its features."""
        where = f"word {number} (the first is 0)"
        if isinstance(thing, Mapping):
            missing = next((name for name in _LEAVES if name not in thing), None)
            if missing is not None:
                raise DataError(f'{where} has no "{missing}". Give a record of lemma and tags.')
            lemma, tags = thing["lemma"], thing["tags"]
        elif isinstance(thing, str):
            lemma, _, tags = thing.strip().rpartition(" ")
        else:
            raise DataError(f"{where} is {shown(thing)}. Give a lemma with its features: 'machen V;PST;3;SG'.")
        if not isinstance(tags, str) or not tags.strip(" ;"):
            raise DataError(f"{where} has no features. Give some behind the lemma, separated by semicolons: 'V;PST;3;SG'.")
        if isinstance(thing, str) and not lemma:
            raise DataError(f"{where} is the single word {shown(tags)}. Give a lemma and its features: 'machen V;PST;3;SG'.")
        names = list(dict.fromkeys(tag.strip() for tag in tags.split(";") if tag.strip()))
        if len(names) > self.tags:
            raise DataError(f"{where} has {len(names)} features; at most {self.tags} are read. Leave some out.")
        return self.spelled(lemma, f"the lemma of {where}"), names

    def _read_already(self, things: Mapping[str, Tensor]) -> Inputs:
        found = {name: things[name] for name in _LEAVES}
        if found["lemma"].ndim == 1:
            found = {name: leaf[None] for name, leaf in found.items()}
        shapes = [tuple(leaf.shape[1:]) for leaf in found.values()]
        if shapes != [(self.length,), (self.tags,)] or any(leaf.is_floating_point() for leaf in found.values()):
            raise DataError(f"tensors of shapes {shapes} are no words that were read. Give words: 'machen V;PST;3;SG'.")
        return found


def _number(name: str) -> int:
    """Of a feature: 1 to 2³¹."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % (2**31 - 1) + 1
