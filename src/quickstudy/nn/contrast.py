"""Two things side by side as the difference of their features, and numbers beside their squares."""

import torch
from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["Contrast", "Squares"]


class Contrast(Recorded, nn.Module):
    """``g(a) − g(b)`` of inputs (a, b): a linear head on it answers the exchanged pair with the opposite sign.

    Args:
        network: g, from the numbers of one thing (D,) to features (F,).

    Shapes:
        (examples, 2 D) -> (examples, F)

    >>> Contrast(nn.Identity())(torch.tensor([[3.0, 5.0, 1.0, 1.0]]))
    tensor([[2., 4.]])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        difference: Tensor = self.network(first) - self.network(second)
        return difference


class Squares(Recorded, nn.Module):
    """``(x, x²)``: with these a linear head can have its best in between, an ideal.

    >>> Squares()(torch.tensor([[3.0, -2.0]]))
    tensor([[ 3., -2.,  9.,  4.]])
    """

    def __init__(self) -> None:  # what a file rebuilds it from
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.square()], 1)
