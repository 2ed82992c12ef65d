"""The inputs themselves beside what a network makes of them."""

from torch import Tensor, cat, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["WithInputs"]


class WithInputs(Recorded, nn.Module):
    """``(x, f(x))``: what a linear head can do with the inputs themselves, it need not learn through a network.

    Args:
        network: f, from the inputs to features.
        features: of the result, those of the inputs and of the network together.

    Shapes:
        (examples, …) -> (examples, features)

    >>> import torch
    >>> WithInputs(nn.Linear(2, 3), 5)(torch.zeros(4, 2)).shape
    torch.Size([4, 5])
    """

    def __init__(self, network: nn.Module, features: int) -> None:
        super().__init__()
        self.network, self.features = network, features

    def forward(self, x: Tensor) -> Tensor:
        return cat([x.flatten(1), self.network(x).flatten(1)], 1)
