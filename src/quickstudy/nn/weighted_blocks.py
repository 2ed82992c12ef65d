"""Blocks of features side by side, each of unit length, with a learned weight: none drowns another by its size or its number."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["WeightedBlocks"]


class WeightedBlocks(Recorded, nn.Module):
    """``z = (w_1 u_1, …, w_n u_n) / ‖w‖`` with ``u_i = f_i(x) / ‖f_i(x)‖`` and learned ``w_i = exp(v_i)``; z has unit length.

    A cosine of two rows is then the mean of the blocks' cosines with weights ``w_i²``: a nearest centroid, a logistic regression
    or a Mahalanobis distance trusts each block as much as meta-training found it to deserve.

    Args:
        blocks: networks from inputs to features, by name.
        weights: w at the start, in the order of the blocks; 1 each by default.

    Raises:
        LearnerError: no blocks, or weights that are not positive, one each.

    Shapes:
        what the blocks take -> (examples, sum of their features)

    >>> from quickstudy.nn.side_by_side import ColumnRange
    >>> layer = WeightedBlocks({"a": ColumnRange(0, 2), "b": ColumnRange(2, 3)}, weights=(4.0, 3.0))
    >>> layer(torch.tensor([[9.0, 0.0, -0.1]])).detach()
    tensor([[ 0.8000,  0.0000, -0.6000]])
    """

    def __init__(self, blocks: Mapping[str, nn.Module], weights: Sequence[float] = ()) -> None:
        super().__init__()
        start = tuple(weights) or (1.0,) * len(blocks)
        if not blocks or len(start) != len(blocks) or not all(weight > 0 for weight in start):
            raise LearnerError(f"{len(blocks)} blocks came with the weights {start}: give a positive one for each of them.")
        self.blocks = nn.ModuleDict(dict(blocks))
        self.logarithms = nn.Parameter(torch.tensor(start).log())

    def forward(self, x: Any) -> Tensor:
        weights = nn.functional.normalize(self.logarithms.exp(), dim=0)
        parts = [nn.functional.normalize(block(x), dim=-1) for block in self.blocks.values()]
        return torch.cat([weight * part for weight, part in zip(weights.unbind(), parts, strict=True)], -1)
