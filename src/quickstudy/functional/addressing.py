"""Where a memory is read and written: by content, by shifting the last position, or by least use.

Source: Graves, Wayne & Danihelka, 2014, Neural Turing machines; Santoro et al., 2016, Meta-learning with memory-augmented
neural networks. All functions act on the last axes: memory (…, M, D), attention weights (…, H, M) that sum to one.
"""

import torch
from torch import Tensor

__all__ = ["content_weights", "interpolate", "least_used", "sharpen", "shift"]

_TINY = 1e-6
"""Added to squared norms: an empty slot is similar to nothing, instead of to everything."""


def content_weights(keys: Tensor, memory: Tensor, strength: Tensor | float = 1.0) -> Tensor:
    """``w = softmax(β cos(k, M))``, keys (…, H, D), memory (…, M, D), β (…, H, 1) or a number -> (…, H, M).

    >>> content_weights(torch.tensor([[0.0, 2.0]]), torch.eye(2), 2.0)
    tensor([[0.1192, 0.8808]])
    """
    key_norm = ((keys**2).sum(-1, keepdim=True) + _TINY).rsqrt()
    slot_norm = ((memory**2).sum(-1) + _TINY).rsqrt()
    return (keys @ memory.mT * (key_norm * strength) * slot_norm[..., None, :]).softmax(-1)


def interpolate(gate: Tensor, weights: Tensor, previous: Tensor) -> Tensor:
    """``w = g w_c + (1 − g) w_{t−1}``: by content, or where the head was before; gate (…, H, 1)."""
    return torch.lerp(previous, weights, gate)


def shift(weights: Tensor, moves: Tensor) -> Tensor:
    """Circular convolution ``w̃(i) = Σ_j s_j w(i − j)``, moves s (…, H, 2k + 1) over the steps −k … k.

    >>> shift(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]]))
    tensor([[0., 1., 0.]])
    """
    reach = moves.shape[-1] // 2
    slots = weights.shape[-1]
    ring = torch.cat([weights[..., slots - reach :], weights, weights[..., :reach]], -1)
    moved = moves[..., :1] * ring[..., 2 * reach :]
    for place in range(1, moves.shape[-1]):
        start = 2 * reach - place
        moved = moved + moves[..., place : place + 1] * ring[..., start : start + slots]
    return moved


def sharpen(weights: Tensor, power: Tensor) -> Tensor:
    """``w(i)^γ / Σ_j w(j)^γ``, by logarithms, which do not underflow; γ (…, H, 1), at least 1.

    >>> sharpen(torch.tensor([[0.6, 0.4]]), torch.tensor([[2.0]]))
    tensor([[0.6923, 0.3077]])
    """
    sharpened: Tensor = ((weights + torch.finfo(weights.dtype).tiny ** 0.5).log() * power).softmax(-1)
    return sharpened


def least_used(usage: Tensor, count: int) -> Tensor:
    """One row (count, M) for each of the ``count`` slots of smallest usage (…, M), one-hot.

    >>> least_used(torch.tensor([3.0, 1.0, 2.0]), 2)
    tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    places = usage.topk(count, largest=False).indices
    rows: Tensor = torch.nn.functional.one_hot(places, usage.shape[-1]).to(usage.dtype)
    return rows
