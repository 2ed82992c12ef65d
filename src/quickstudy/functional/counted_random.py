"""Random numbers that are a function of a seed and a position alone, without state or order.

Sources: Salmon, Moraes, Dror & Shaw, 2011, Parallel random numbers: as easy as 1, 2, 3; the mixing function is that of Steele,
Lea & Flood, 2014, Fast splittable pseudorandom number generators (SplitMix64).
"""

import torch
from torch import Tensor

__all__ = ["counted_uniforms"]

_GOLDEN = -7046029254386353131
_FIRST, _SECOND = -4658895280553007687, -7723592293110705685


def counted_uniforms(seeds: Tensor, shape: tuple[int, ...], stream: int = 0) -> Tensor:
    """Uniform numbers in [0, 1) of each seed, (B, *shape), double precision.

    The number at a place depends on seed, stream and the place's own indices alone: a larger shape holds the smaller one.

    Args:
        seeds: (B,) of type int64.
        shape: how many numbers for each; one or two axes.
        stream: numbers of other streams are independent.

    >>> small, large = (counted_uniforms(torch.tensor([7]), (n, n)) for n in (2, 5))
    >>> torch.equal(small, large[:, :2, :2])
    True
    """
    key = _mixed(seeds + _GOLDEN * seeds.new_full((), stream + 1))
    for size in shape:
        key = _mixed(key[..., None] + _GOLDEN * torch.arange(1, size + 1, device=seeds.device))
    return _shifted(key, 11).double() * 2.0**-53


def _mixed(z: Tensor) -> Tensor:
    """SplitMix64's finaliser; products wrap around as they should."""
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, bits: int) -> Tensor:
    """To the right, zeros coming in."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)
