"""Rules for the sizes of few-shot tasks: how many examples of each class support and query hold."""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Sizes", "meta_dataset_sizes"]

Sizes = Callable[[Tensor, Tensor, torch.Generator | None], tuple[Tensor, Tensor]]
"""From rows available (B, N) and classes in use (B, N), the shots and queries of each class, both (B, N)."""


def meta_dataset_sizes(available: Tensor, used: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Shots and queries by the rule of Meta-Dataset: imbalanced shots, at most 500 support examples, 100 a class.

    Source: Triantafillou et al., 2020, Meta-Dataset, section 3.2.
    """
    counts = available.double()
    smallest = torch.where(used, counts, torch.inf).amin(1)
    queries = (smallest / 2).floor().clamp(max=10)[:, None]
    free = (counts - queries).clamp(min=1)
    beta = 1 - torch.rand(len(counts), 1, generator=generator, dtype=torch.float64)
    total = (beta * free.clamp(max=100)).ceil().mul(used).sum(1, keepdim=True).clamp(max=500)
    share = torch.rand(counts.shape, generator=generator, dtype=torch.float64) * 1.3862943611 - 0.6931471806
    weight = share.exp() * counts * used
    weight = weight / weight.sum(1, keepdim=True)
    room = (total - used.sum(1, keepdim=True)).clamp(min=0)
    shots = torch.minimum((weight * room).floor() + 1, free).clamp(max=100)
    return (shots * used).long(), (queries * used).long()
