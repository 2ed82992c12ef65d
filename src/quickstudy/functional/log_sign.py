"""Gradients of all sizes as two numbers of moderate size: how a network reads a gradient.

Source: Andrychowicz, Denil, Gomez, Hoffman, Pfau, Schaul, Shillingford & de Freitas, 2016, Learning to learn by gradient
descent by gradient descent, appendix A.
"""

import math

import torch
from torch import Tensor

__all__ = ["log_sign"]


def log_sign(x: Tensor, p: float = 10.0) -> Tensor:
    """``(log|x| / p, sgn x)`` where ``|x| ≥ e^−p``, else ``(−1, e^p x)``; shapes (…,) -> (…, 2).

    Continuous at ``|x| = e^−p``; numbers below are told apart on a linear scale.

    >>> log_sign(torch.tensor([1.0, -math.e, 0.0]), p=10)
    tensor([[ 0.0000,  1.0000],
            [ 0.1000, -1.0000],
            [-1.0000,  0.0000]])
    """
    size = x.abs()
    large = size >= math.exp(-p)
    first = torch.where(large, size.clamp(min=math.exp(-p)).log() / p, -1.0)
    return torch.stack([first, torch.where(large, x.sign(), math.exp(p) * x)], -1)
