"""Inputs of any kind as rows of plain numbers, for what looks at data without a network."""

from typing import Any

import torch
from torch import Tensor

from quickstudy.functional.tree import leaves

__all__ = ["plain_numbers"]

_MOST_INPUTS = 1024


def plain_numbers(x: Any) -> Tensor:
    """Inputs as rows of numbers (R, D), large images at a lower resolution.

    >>> plain_numbers(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 768])
    """
    parts = []
    for leaf in leaves(x):
        z = leaf.to(torch.get_default_dtype())
        while z.ndim == 4 and z[0].numel() > _MOST_INPUTS and min(z.shape[-2:]) > 1:
            z = torch.nn.functional.avg_pool2d(z, 2)
        parts.append(z.flatten(1))
    return torch.cat(parts, 1)
