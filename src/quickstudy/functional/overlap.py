"""How much of what is marked should not be, and how much is missed: a smooth stand-in for one minus intersection over union.

Source: Rahman & Wang, 2016, Optimizing intersection-over-union in deep neural networks for image segmentation.
"""

import torch
from torch import Tensor

__all__ = ["soft_iou"]

_LEAST = 1e-6


def soft_iou(p: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """``Σ p y / Σ (p + y − p y)`` over the last axis, where the mask is 1; intersection over union where all p are 0 or 1.

    Args:
        p: probabilities, (…, R).
        y: 1 where it is so, else 0, (…, R).
        mask: 1 for real rows, (…, R).

    >>> soft_iou(torch.tensor([1.0, 0.5, 0.0]), torch.tensor([1.0, 1.0, 0.0]), torch.ones(3))
    tensor(0.7500)
    """
    both = (p * y * mask).sum(-1)
    either = ((p + y - p * y) * mask).sum(-1)
    return torch.where(either > _LEAST, both / either.clamp(min=_LEAST), 1.0)
