"""A point in space as a network: what moves when a function of numbers is minimised."""

import torch
from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["Point"]


class Point(Recorded, nn.Module):
    """``f(x) = x · θ`` with θ drawn from N(0, spread²): on the rows of W it gives ``W θ``, see `tasks.Quadratics`.

    Args:
        dimensions: D.
        spread: of the start.

    >>> Point(10)(torch.zeros(4, 10)).shape
    torch.Size([4, 1])
    """

    def __init__(self, dimensions: int, spread: float = 0.1) -> None:
        super().__init__()
        self.theta = nn.Parameter(spread * torch.randn(dimensions, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.theta
