"""A text as a vector of hashed character n-grams: no vocabulary, no model, the same numbers on every machine."""

import math
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape, refuse_missing

__all__ = ["Texts"]

_WIDEST = 2**20


@dataclass(frozen=True)
class Texts(InputKind):
    """Turns a text into ``width`` numbers of length 1 (Euclidean norm).

    The text is cut after ``length`` characters, lowercased, runs of white space become one space, and one space is put at each
    end. With c_g the count of the n-gram g, for all n from ``low`` to ``high``, and h the CRC-32 of its UTF-8 bytes:

        ``x_b = Σ_{g: h(g) mod width = b} s(g) (1 + ln c_g)``,    s(g) = 1 if h(g) < 2³¹, else −1,    then ``x / ‖x‖₂``

    Source: Weinberger, Dasgupta, Langford, Smola & Attenberg, 2009, Feature hashing for large scale multitask learning.

    Args:
        width: how many numbers a text becomes.
        low, high: the shortest and the longest n-grams, in characters.
        lowercase: whether "A" and "a" are one.
        counts: whether c_g counts; otherwise each n-gram of the text counts once.
        length: characters of a text that are read; what follows is left out.

    Raises:
        DataError: sizes that are no positive whole numbers, or in no order.

    >>> texts = Texts(width=64)
    >>> rows = texts.batch(["lost my card", "Lost  my CARD", "what is the weather"])
    >>> rows.shape, bool((rows[0] == rows[1]).all()), round(float(rows[0].norm()), 4)
    (torch.Size([3, 64]), True, 1.0)
    """

    name: ClassVar[str] = "texts"
    things: ClassVar[str] = "texts"
    again: ClassVar[str] = "datasets.table(path, text=…, label=…, reads=learner.reads)"

    width: int = 2048
    low: int = 2
    high: int = 4
    lowercase: bool = True
    counts: bool = True
    length: int = 10_000

    def __post_init__(self) -> None:
        for name in ("width", "low", "high", "length"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _WIDEST:
                raise DataError(f"{name}={shown(value)} of texts must be a whole number from 1 to {_WIDEST:,}.")
        if self.low > self.high or self.high > 32:
            raise DataError(f"low={self.low} and high={self.high}: n-grams reach from low to high, of at most 32 characters.")
        for name in ("lowercase", "counts"):
            object.__setattr__(self, name, bool(getattr(self, name)))

    def gives(self, rows: RowShape) -> bool:
        return rows.are_of((self.width,))

    def batch(self, things: Any) -> Tensor:
        """Texts (Q, width): of one text, a list, an array or a pandas column of them; or such numbers as they are.

        Raises:
            DataError: something that is no text, an empty text, or numbers of another shape.
        """
        if isinstance(things, Tensor) or (isinstance(things, np.ndarray) and things.dtype.kind in "fiub"):
            return self._read_already(torch.as_tensor(things))
        if isinstance(things, str):
            things = [things]
        if isinstance(things, bytes | dict) or not hasattr(things, "__iter__"):
            raise DataError(f"{shown(things)} is no text. Give a text or a list of texts.")
        things = list(things)
        rows = np.zeros((len(things), self.width), dtype=np.float32)
        for number, thing in enumerate(things):
            self._fill(rows[number], thing, number)
        if not len(rows):
            raise DataError("there are no texts. Give at least one.")
        return torch.from_numpy(rows)

    def _read_already(self, x: Tensor) -> Tensor:
        if x.ndim not in (1, 2) or x.shape[-1] != self.width:
            raise DataError(f"numbers of shape {tuple(x.shape)} are no texts. Give texts, or what was read: (Q, {self.width}).")
        if not x.is_floating_point():
            raise DataError(f"whole numbers ({x.dtype}) are no texts. Give texts.")
        refuse_missing(x, "the texts, once read,")
        found = x.to(torch.get_default_dtype()) if x.dtype == torch.float64 else x
        return found[None] if x.ndim == 1 else found

    def _fill(self, row: Any, text: Any, number: int) -> None:
        if not isinstance(text, str):
            raise DataError(f"text {number} (the first is 0) is {shown(text)}, no text. Give a text, or leave the row out.")
        head = text[: self.length]
        plain = " ".join((head.lower() if self.lowercase else head).split())
        if not plain:
            raise DataError(f"text {number} (the first is 0) is empty. Give a text with words in it, or leave the row out.")
        plain = f" {plain} "
        grams = Counter(plain[start : start + n] for n in range(self.low, self.high + 1) for start in range(len(plain) - n + 1))
        found: dict[int, float] = {}
        for gram, count in grams.items():
            mark = zlib.crc32(gram.encode("utf-8", "surrogatepass"))
            weight = 1 + math.log(count) if self.counts else 1.0
            found[mark % self.width] = found.get(mark % self.width, 0.0) + (weight if mark < 2**31 else -weight)
        norm = math.sqrt(sum(value * value for value in found.values())) or 1.0
        row[list(found)] = [value / norm for value in found.values()]
