"""Texts as counts of their words and of their runs of n letters, by the hashing trick: no list of what there is is needed.

Source: Weinberger et al., 2009, Feature hashing for large scale multitask learning; Cavnar & Trenkle, 1994, N-gram-based text
categorization.
"""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.functional.spelling import lengths

__all__ = ["WORDS", "hashed", "hashed_counts"]

WORDS = 0
"""Stands for whole words where the sizes of n-grams are listed."""

_SPACE = 32
_KNOWN = 0x20000
"""Letters below it have a lower case and may be of words; rarer ones stay as they are."""
_BASE, _MIX = 1_000_003, 0x1B873593


def hashed(codes: Tensor, size: int, buckets: int) -> tuple[Tensor, Tensor]:
    """The hash of each n-gram of each text, (R, G) from 0 to buckets - 1, and which are real, (R, G).

    Capital letters count as small ones, and a space stands at either end, so that "a" as a word is not "a" in one.

    Args:
        codes: code points (R, L), 0 behind the end.
        size: letters of an n-gram, or `WORDS` for whole words.
        buckets: among which n-grams are parted.

    >>> from quickstudy.functional.spelling import codes_of
    >>> places, real = hashed(codes_of(["Ab ab", "b"], 6), WORDS, 1000)
    >>> real.sum(-1).tolist(), len(set(places[real].tolist()))
    ([2, 1], 2)
    """
    spaced = _spaced(codes)
    hashes, real = _words(spaced) if size == WORDS else _runs(spaced, size)
    return _mixed(hashes + 7919 * size) % buckets, real


def hashed_counts(codes: Tensor, sizes: Sequence[int], buckets: int, dtype: torch.dtype | None = None) -> Tensor:
    """How often each n-gram of `hashed` occurs in each text, (R, len(sizes), buckets).

    Args:
        codes: code points (R, L), 0 behind the end.
        sizes: of n-grams, each counted apart.
        buckets: among which n-grams are parted by their hash.
        dtype: of the counts; the default one else.

    >>> from quickstudy.functional.spelling import codes_of
    >>> found = hashed_counts(codes_of(["Ab ab", "ab", ""], 8), (WORDS, 2), 64)
    >>> found.shape, found.sum(-1).tolist()  # "ab" twice; " a", "ab", "b ", " a", "ab", "b "
    (torch.Size([3, 2, 64]), [[2.0, 6.0], [1.0, 3.0], [0.0, 1.0]])
    """
    kind = dtype or torch.get_default_dtype()
    found = []
    for size in sizes:
        places, real = hashed(codes, size, buckets)
        empty = torch.zeros((*places.shape[:-1], buckets), dtype=kind, device=codes.device)
        found.append(empty.scatter_add(-1, places, real.to(kind)))
    return torch.stack(found, -2)


def _spaced(codes: Tensor) -> Tensor:
    """Small letters with a space before and after, (R, L + 2)."""
    small, _ = _letters(codes.device)
    codes = codes.long()
    codes = torch.where(codes < _KNOWN, small[codes.clamp(0, _KNOWN - 1)], codes)
    padded = torch.nn.functional.pad(codes, (1, 1))
    place = torch.arange(padded.shape[-1], device=codes.device)
    ends = (place == 0) | (place == lengths(codes)[..., None] + 1)
    return torch.where(ends, _SPACE, padded)


def _runs(codes: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Hashes of all runs of letters, and which are real."""
    runs = torch.nn.functional.pad(codes, (0, max(0, size - codes.shape[-1]))).unfold(-1, size, 1)
    return (runs * _powers(size, codes.device)).sum(-1), (runs > 0).all(-1)


def _words(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Hashes of words at the places where they begin, and which are real."""
    _, known = _letters(codes.device)
    inside = known[codes.clamp(0, _KNOWN - 1)] & (codes > 0)
    first = inside & ~torch.nn.functional.pad(inside, (1, 0))[..., :-1]
    place = torch.arange(codes.shape[-1], device=codes.device)
    begun = torch.where(first, place, 0).cummax(-1).values
    powers = _powers(codes.shape[-1], codes.device)
    letters = torch.where(inside, codes * powers[place - begun], 0)
    return torch.zeros_like(codes).scatter_add(-1, begun, letters), first


def _mixed(hashes: Tensor) -> Tensor:
    """Numbers whose remainders are spread evenly, 0 or more."""
    return (((hashes ^ (hashes >> 29)) * _MIX) >> 7) & (2**53 - 1)


@functools.cache
def _powers(count: int, device: torch.device) -> Tensor:
    return torch.tensor([pow(_BASE, power, 2**31) for power in range(1, count + 1)], device=device)


@functools.cache
def _letters(device: torch.device) -> tuple[Tensor, Tensor]:
    """The small letter of each code point, and whether it may be in a word."""
    signs = [chr(point) for point in range(_KNOWN)]
    small = [ord(sign.lower()) if len(sign.lower()) == 1 else point for point, sign in enumerate(signs)]
    return torch.tensor(small, device=device), torch.tensor([sign.isalnum() for sign in signs], device=device)
