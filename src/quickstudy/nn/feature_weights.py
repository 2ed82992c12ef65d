"""A weight for each feature, which starts at how telling the feature is: inverse document frequencies.

Source: Spärck Jones, 1972, A statistical interpretation of term specificity and its application in retrieval.
"""

from typing import Self

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.store import pieces_of
from quickstudy.storage.blueprint import Recorded

__all__ = ["FeatureWeights"]


class FeatureWeights(Recorded, nn.Module):
    """``z = w ∘ x`` with ``w = exp(v)``; v is learned, from zero or from data.

    `fitted` starts at ``w_j = 1 + ln((1 + R) / (1 + R_j))``, where R_j of R rows have feature j: with hashed counts of n-grams
    for x, and z brought to unit length, that is TF-IDF.

    Args:
        features: D.

    Shapes:
        (examples, features) -> the same

    >>> index = ClassIndex(torch.tensor([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1, 1]), ("a", "b"))
    >>> FeatureWeights.fitted(index)(torch.ones(1, 2)).round(decimals=3)
    tensor([[1.0000, 1.6930]], grad_fn=<RoundBackward1>)
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.logarithms = nn.Parameter(torch.zeros(features))

    @classmethod
    def fitted(cls, index: ClassIndex) -> Self:
        """From the rows of meta-training classes.

        Args:
            index: rows (R, D) of counts.
        """
        found = sum((x != 0).sum(0).double() for x, _ in pieces_of(index))
        assert isinstance(found, Tensor)
        layer = cls(found.shape[0])
        with torch.no_grad():
            layer.logarithms.copy_((1 + ((1 + len(index)) / (1 + found)).log()).log())
        return layer

    def forward(self, x: Tensor) -> Tensor:
        return x * self.logarithms.exp()
