"""Each feature by its mean and deviation among the rows of meta-training."""

from typing import Self

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.store import pieces_of
from quickstudy.errors import DataError, LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["FeatureScales"]

_LEAST = 0.1
"""Of the mean deviation: features that hardly differ in meta-training are not blown up."""


class FeatureScales(Recorded, nn.Module):
    """``z = (x − m) / s`` with the mean m and the deviation s of each feature among the rows that it was fitted to.

    s is at least a tenth of the mean deviation. Before it is fitted, it is the identity.

    Args:
        features: D.

    Raises:
        LearnerError: no features.

    Shapes:
        (examples, features) -> the same

    >>> index = ClassIndex(torch.tensor([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]]), torch.tensor([0, 1, 1]), ("a", "b"))
    >>> FeatureScales.fitted(index)(torch.tensor([[3.0, 50.0]]))
    tensor([[0., 1.]])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        if features < 1:
            raise LearnerError(f"features={features} must be positive.")
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    @classmethod
    def fitted(cls, index: ClassIndex) -> Self:
        """To the rows of the meta-training classes.

        Args:
            index: rows (R, D) of features.

        Raises:
            DataError: rows that are no vectors of features, or all the same.
        """
        x = torch.cat([x for x, _ in pieces_of(index)])
        if x.ndim != 2 or not x.is_floating_point():
            raise DataError(f"{index.name}: rows of shape {tuple(x.shape[1:])} are no vectors of features.")
        deviation = x.double().std(0)
        if not float(deviation.mean()) > 0:
            raise DataError(f"{index.name}: all rows are the same, so that features have no scale.")
        layer = cls(x.shape[1])
        layer.mean.copy_(x.double().mean(0))
        layer.deviation.copy_(torch.maximum(deviation, _LEAST * deviation.mean()))
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean.to(x.dtype)) / self.deviation.to(x.dtype)

    def extra_repr(self) -> str:
        return str(self.mean.shape[0])
