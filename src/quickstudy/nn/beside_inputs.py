"""A network's features beside its inputs, so that a head may use both."""

import torch
from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["BesideInputs"]


class BesideInputs(Recorded, nn.Module):
    """``(g(x), c · x)``: features of a network, and the inputs with a learned weight each.

    A linear head on them starts at the classical method, a linear model of the inputs, and meta-training adds what the network
    finds; the weights say how much each column is worth beside it.

    Args:
        network: g, from inputs (D,) to features (F,).
        columns: D.
        weight: c at the start.

    Shapes:
        (examples, D) -> (examples, F + D)

    >>> BesideInputs(nn.Linear(3, 2), 3)(torch.zeros(4, 3)).shape
    torch.Size([4, 5])
    """

    def __init__(self, network: nn.Module, columns: int, *, weight: float = 0.3) -> None:
        super().__init__()
        self.network = network
        self.weight = nn.Parameter(torch.full((columns,), float(weight)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.network(x).flatten(1), self.weight * x], 1)
