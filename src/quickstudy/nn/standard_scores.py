"""Features in units of their own deviation, as meta-training has them."""

from typing import Self

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.storage.blueprint import Recorded

__all__ = ["StandardScores"]

_LEAST = 1e-4


class StandardScores(Recorded, nn.Module):
    """``z_d = (x_d − m_d) / s_d`` of each number d, with means and deviations of meta-training rows; before they are known, x.

    Args:
        features: D.

    Shapes:
        (rows, D) -> the same

    >>> index = ClassIndex(torch.tensor([[0.0, 5.0], [4.0, 5.0]]), torch.tensor([0, 1]), ("a", "b"))
    >>> StandardScores.fitted(index)(torch.tensor([[6.0, 5.0]]))
    tensor([[2., 0.]])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    @classmethod
    def fitted(cls, index: ClassIndex) -> Self:
        """Of rows of meta-training.

        Args:
            index: features (R, D), all of which are read at once.
        """
        rows = index.gather(torch.arange(len(index)))
        layer = cls(rows.shape[1])
        layer.mean.copy_(rows.mean(0))
        layer.deviation.copy_(rows.std(0, correction=0).clamp(min=_LEAST))
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean.to(x.dtype)) / self.deviation.to(x.dtype)
