"""A layer that passes features on and remembers their mean."""

import torch
from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["RunningMean"]


class RunningMean(Recorded, nn.Module):
    """The identity; in training it keeps a running mean of its rows in a buffer, as batch norms keep theirs.

    The first ``1 / momentum`` batches count alike, so that the start at zero is forgotten at once; from then on old batches
    fade, as a network in training leaves them behind.

    Args:
        features: D.
        momentum: weight of the newest batch.

    Shapes:
        (rows, features) -> the same

    >>> layer = RunningMean(1)
    >>> layer(torch.tensor([[1.0], [3.0]])).shape, layer.mean
    (torch.Size([2, 1]), tensor([2.]))
    """

    mean: Tensor
    batches: Tensor

    def __init__(self, features: int, *, momentum: float = 0.01) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.shape[0]:
            with torch.no_grad():
                self.batches += 1
                self.mean += (x.mean(0) - self.mean) * (1 / self.batches).clamp(min=self.momentum)
        return x

    def extra_repr(self) -> str:
        return f"{self.mean.shape[0]}, momentum={self.momentum}"
