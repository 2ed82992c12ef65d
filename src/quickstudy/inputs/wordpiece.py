"""Texts as numbers of word pieces, by the vocabulary of BERT's uncased models (30,522 pieces, Apache 2.0, in the package).

Source: Schuster & Nakajima, 2012, Japanese and Korean voice search; Devlin, Chang, Lee & Toutanova, 2019, BERT.
"""

import functools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape

__all__ = ["END", "START", "WordPieces", "pieces_of"]

_VOCABULARY = Path(__file__).with_name("wordpiece_uncased.txt")
_UNKNOWN = "[UNK]"
START, END = 101, 102
"""The numbers of the marks around a text, "[CLS]" and "[SEP]"."""
_LONGEST_WORD = 100
_CHARACTERS_EACH = 200
"""Of a text no more than so many characters for each piece are read: a text of megabytes costs as much as one of a page."""
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


@dataclass(frozen=True)
class WordPieces(InputKind):
    """Turns a text into a row of ``length`` numbers: the start mark, pieces, the end mark, then 0; longer texts are cut.

    Letters are lowered and lose their accents. Words that are not in the vocabulary are cut into pieces that are.

    Args:
        length: numbers in a row, marks included; up to 512, the most that MiniLM reads.

    Raises:
        DataError: a length outside of 3 to 512.

    >>> WordPieces(length=6).batch(["Hello, Wörld!", "hi"]).tolist()
    [[101, 7592, 1010, 2088, 999, 102], [101, 7632, 102, 0, 0, 0]]
    """

    name: ClassVar[str] = "word pieces"
    things: ClassVar[str] = "texts"
    again: ClassVar[str] = "datasets.table(path, text=…, label=…, reads=learner.reads)"

    length: int = 128

    def __post_init__(self) -> None:
        if isinstance(self.length, bool) or not isinstance(self.length, int) or not 3 <= self.length <= 512:
            raise DataError(f"length={shown(self.length)} of word pieces must be a whole number from 3 to 512.")

    def gives(self, rows: RowShape) -> bool:
        return rows.are_of((self.length,))

    def batch(self, things: Any) -> Tensor:
        """Numbers (Q, length) of one text, a list, an array or a pandas column of them; or such numbers as they are.

        Raises:
            DataError: something that is no text, an empty text, or numbers of another shape.
        """
        if isinstance(things, Tensor) or (isinstance(things, np.ndarray) and things.dtype.kind in "fiub"):
            return self._read_already(torch.as_tensor(things))
        if isinstance(things, bytes | dict) or not hasattr(things, "__iter__"):
            raise DataError(f"{shown(things)} is no text. Give a text or a list of texts.")
        texts = [things] if isinstance(things, str) else list(things)
        if not texts:
            raise DataError("there are no texts. Give at least one.")
        found = torch.zeros(len(texts), self.length, dtype=torch.int64)
        for row, text in enumerate(texts):
            numbers = self._numbers(text, row)
            found[row, : len(numbers)] = torch.tensor(numbers)
        return found

    def _read_already(self, x: Tensor) -> Tensor:
        if x.ndim not in (1, 2) or x.shape[-1] != self.length or x.is_floating_point() or x.dtype == torch.bool:
            wanted = f"whole numbers (Q, {self.length})"
            raise DataError(f"numbers {tuple(x.shape)} of {x.dtype} are no texts. Give texts, or what was read: {wanted}.")
        if x.numel() and not (int(x.min()) >= 0 and int(x.max()) < len(_vocabulary())):
            raise DataError(f"numbers of word pieces lie in 0..{len(_vocabulary()) - 1}, not {int(x.min())}..{int(x.max())}.")
        return x[None].long() if x.ndim == 1 else x.long()

    def _numbers(self, text: Any, row: int) -> list[int]:
        if not isinstance(text, str):
            raise DataError(f"text {row} (the first is 0) is {shown(text)}, no text. Give a text, or leave the row out.")
        found = [START]
        for word in _words(text[: self.length * _CHARACTERS_EACH]):
            found.extend(_pieces(word))
            if len(found) >= self.length:
                break
        if len(found) == 1:
            raise DataError(f"text {row} (the first is 0) is empty. Give a text with words in it, or leave the row out.")
        return [*found[: self.length - 1], END]


@functools.lru_cache(100_000)
def pieces_of(word: str) -> tuple[int, ...]:
    """The numbers of a word's pieces; those of the unknown piece where it has no letter or sign.

    >>> pieces_of("Wörld!"), pieces_of("\u200b")
    ((2088, 999), (100,))
    """
    return tuple(number for part in _words(word) for number in _pieces(part)) or (_vocabulary()[_UNKNOWN],)


@functools.cache
def _vocabulary() -> dict[str, int]:
    return {piece: number for number, piece in enumerate(_VOCABULARY.read_text(encoding="utf-8").splitlines())}


def _words(text: str) -> Iterator[str]:
    """Words and single punctuation marks, lowered, without accents."""
    spaced = "".join(_spaced(sign) for sign in text)
    plain = "".join(sign for sign in unicodedata.normalize("NFD", spaced.lower()) if unicodedata.category(sign) != "Mn")
    for word in plain.split():
        start = 0
        for place, sign in enumerate(word):
            if _is_punctuation(sign):
                if place > start:
                    yield word[start:place]
                yield sign
                start = place + 1
        if start < len(word):
            yield word[start:]


def _spaced(sign: str) -> str:
    if sign.isascii() and sign.isprintable():
        return sign
    if sign not in "\t\n\r" and (sign == "\ufffd" or unicodedata.category(sign) in ("Cc", "Cf", "Co")):
        return ""
    if sign.isspace():
        return " "
    return f" {sign} " if any(low <= ord(sign) <= high for low, high in _IDEOGRAPHS) else sign


def _is_punctuation(sign: str) -> bool:
    if sign.isascii():
        return sign.isprintable() and not sign.isalnum() and sign != " "
    return unicodedata.category(sign).startswith("P")


@functools.lru_cache(100_000)
def _pieces(word: str) -> tuple[int, ...]:
    """The longest known beginning, then the longest known piece of the rest, and so on."""
    known = _vocabulary()
    found: list[int] = []
    start = 0
    while start < len(word) <= _LONGEST_WORD:
        mark = "##" if start else ""
        end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in known), None)
        if end is None:
            return (known[_UNKNOWN],)
        found.append(known[mark + word[start:end]])
        start = end
    return tuple(found) if found else (known[_UNKNOWN],)
