"""The pieces of a plan: which of a class's rows are taken, and how those of all classes are laid out as one list."""

import torch
from torch import Tensor

__all__ = ["PIECE", "chosen", "first", "flat", "unequal"]

PIECE = 256
"""Tasks that are planned at once: all rows of all their classes are compared, which for many tasks is a lot."""


def first(keys: Tensor, may: Tensor, count: int) -> Tensor:
    """Where the ``count`` smallest of the last axis' random keys are that ``may`` be taken; ties and the others by place.

    The head of a stable sort: a key of `torch.rand` is a whole number of 2^−24, so key and place make one whole number without
    ties, of which the smallest are picked; five times faster than sorting all rows of large classes.

    >>> first(torch.tensor([0.5, 0.25, 0.5, 0.0]), torch.tensor([True, True, True, False]), 3)
    tensor([1, 0, 2])
    """
    width = keys.shape[-1]
    numbers = (keys.masked_fill(~may, 2.0) * 2**24).long() * width + torch.arange(width)
    return numbers.topk(min(count, width), dim=-1, largest=False).indices


def chosen(order: Tensor, skipped: Tensor, sizes: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """The first ``sizes`` (B, N) places of each class in order, after ``skipped`` ones; and which are real: (B, N, longest)."""
    places = torch.arange(longest).expand(*sizes.shape, longest)
    return order.gather(2, (places + skipped[..., None]).clamp(max=order.shape[2] - 1)), places < sizes[..., None]


def unequal(marks: Tensor, may: Tensor, support: Tensor, real: Tensor) -> Tensor:
    """Which rows of each class (B, N, M) may be queries: those that are equal to none of the support set (B, N, K).

    >>> marks = torch.tensor([[[4, 5, 4, 6]]])  # rows 0 and 2 are equal
    >>> unequal(marks, torch.ones(1, 1, 4, dtype=torch.bool), torch.tensor([[[2]]]), torch.tensor([[[True]]]))
    tensor([[[False,  True, False,  True]]])
    """
    taken = torch.where(real, marks.gather(2, support), -1)
    return may & ~torch.stack([marks == mark[..., None] for mark in taken.unbind(2)]).any(0)


def flat(rows: Tensor, real: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
    """Classes joined to one list (B, S) in random order, real rows first, padding behind."""
    longest = int(real.sum((1, 2)).max())
    parts = [_joined(r, m, longest, generator) for r, m in zip(torch.split(rows, PIECE), torch.split(real, PIECE), strict=True)]
    joined, columns, mask = (torch.cat(part) for part in zip(*parts, strict=True))
    return joined, columns, mask


def _joined(rows: Tensor, real: Tensor, longest: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor, Tensor]:
    every = real.flatten(1)
    keys = torch.rand(every.shape, generator=generator) + 2.0 * ~every
    order = keys.argsort(dim=1)[:, :longest]
    columns = torch.arange(real.shape[1])[None, :, None].expand(real.shape).flatten(1).gather(1, order)
    mask = every.gather(1, order)
    return rows.flatten(1).gather(1, order) * mask, columns * mask, mask
