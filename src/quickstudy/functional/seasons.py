"""Steps of a series, by how long ago they were and by their place in the year."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Past", "in_order", "seasons_of"]


class Past(NamedTuple):
    """A support set in the order of time: steps before the last (S,), 0 or negative, values (S,), seasons (S, M), mask (S,)."""

    step: Tensor
    y: Tensor
    season: Tensor
    mask: Tensor


def seasons_of(steps: Tensor, period: int) -> Tensor:
    """Rows (…, M) of zeros and a one at the place of each step in its year.

    >>> seasons_of(torch.tensor([5.0]), 4)
    tensor([[0., 1., 0., 0.]])
    """
    place = torch.remainder(steps.round(), period)
    return (place[..., None] == torch.arange(period, device=steps.device)).to(steps.dtype)


def in_order(steps: Tensor, y: Tensor, mask: Tensor, period: int) -> tuple[Past, Tensor]:
    """Rows (S,) sorted by their steps, padding last, and the last step, a scalar."""
    far = torch.where(mask > 0, steps, torch.inf)
    order = torch.argsort(far, stable=True)
    last = torch.where(mask > 0, steps, -torch.inf).amax()
    last = torch.where(last.isfinite(), last, 0)
    step, y, mask = (torch.take_along_dim(each, order, 0) for each in (steps, y, mask))
    return Past((step - last) * mask, y * mask, seasons_of(step, period) * mask[:, None], mask), last
