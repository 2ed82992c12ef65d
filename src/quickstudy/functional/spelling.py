"""Texts as rows of code points, 0 behind their end, and numbers that tell texts apart."""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["codes_of", "lengths", "marks", "texts_of"]

_BASE = 1_000_003


def codes_of(texts: Sequence[str], length: int) -> Tensor:
    """Code points of texts, (R, length) int64; a text that is longer loses its end.

    >>> codes_of(["ab", ""], 3).tolist()
    [[97, 98, 0], [0, 0, 0]]
    """
    found = torch.zeros(len(texts), length, dtype=torch.long)
    for row, text in enumerate(texts):
        points = [ord(sign) for sign in text[:length]]
        found[row, : len(points)] = torch.tensor(points, dtype=torch.long)
    return found


def texts_of(codes: Tensor) -> list[str]:
    """The texts of code points (R, L), as whole numbers of any type; a 0 ends a text.

    >>> texts_of(torch.tensor([[97.0, 98.0, 0.0]]))
    ['ab']
    """
    rows = codes.long().tolist()
    return ["".join(map(chr, row[: row.index(0)] if 0 in row else row)) for row in rows]


def lengths(codes: Tensor) -> Tensor:
    """Of texts of code points (…, L), (…,).

    >>> lengths(codes_of(["ab", ""], 3)).tolist()
    [2, 0]
    """
    return (codes > 0).sum(-1)


def marks(codes: Tensor) -> Tensor:
    """A number for each text of code points (…, L), (…,) int64: the same for equal texts, however long L is.

    A polynomial in the code points, modulo 2⁶⁴: two different texts have one number about as often as two random ones.

    >>> a, b = marks(codes_of(["ab", "ba"], 3)).tolist()
    >>> a == b, a == marks(codes_of(["ab"], 9)).item()
    (False, True)
    """
    return (codes.long() * _powers(codes.shape[-1]).to(codes.device)).sum(-1)


@functools.cache
def _powers(count: int) -> Tensor:
    found, power = [], 1
    for _ in range(count):
        power = power * _BASE % 2**64
        found.append(power - 2**64 if power >= 2**63 else power)
    return torch.tensor(found)
