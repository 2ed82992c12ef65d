"""Features in units of their own deviation, as meta-training has them."""

from typing import Self

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.nn.feature_scales import FeatureScales

__all__ = ["StandardScores"]

_LEAST = 1e-4


class StandardScores(FeatureScales):
    """As `FeatureScales`, but a feature that hardly differs is blown up like any other: only zero is kept from dividing.

    Args:
        features: D.

    Raises:
        LearnerError: no features.

    Shapes:
        (rows, D) -> the same

    >>> index = ClassIndex(torch.tensor([[0.0, 5.0], [4.0, 5.0]]), torch.tensor([0, 1]), ("a", "b"))
    >>> StandardScores.fitted(index)(torch.tensor([[6.0, 5.0]]))
    tensor([[2., 0.]])
    """

    @classmethod
    def fitted(cls, index: ClassIndex) -> Self:
        """To rows of meta-training.

        Args:
            index: features (R, D), all of which are read at once.
        """
        return cls.of_rows(index.gather(torch.arange(len(index))))

    @classmethod
    def of_rows(cls, rows: Tensor) -> Self:
        """To rows of features (R, D)."""
        layer = cls(rows.shape[1])
        layer.mean.copy_(rows.mean(0))
        layer.deviation.copy_(rows.std(0, correction=0).clamp(min=_LEAST))
        return layer
