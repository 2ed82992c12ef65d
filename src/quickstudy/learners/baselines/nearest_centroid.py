"""Nearest centroid: the class whose mean input is nearest, without any meta-training.

Source: Mensink, Verbeek, Perronnin & Csurka, 2013, Distance-based image classification.
"""

from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.functional.distances import class_means, squared_distance
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs

__all__ = ["Centroids", "NearestCentroid"]


class Centroids(NamedTuple):
    """What is remembered: class means (N, D), and how many examples each has (N,)."""

    means: Tensor
    counts: Tensor


class NearestCentroid(Learner[Centroids]):
    """``argmin_n ‖x − c_n‖²`` on raw inputs, or on the features of a network that is left as it is.

    Args:
        encoder: features to work on; the flattened inputs themselves by default.

    >>> import torch
    >>> learner = NearestCentroid()
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.8]]))
    ['1']
    """

    facts = Facts(gradient="none", norm="none")

    def __init__(self, encoder: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = nn.Flatten() if encoder is None else encoder

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Centroids:
        means = class_means(support.x, support.y, support.mask)
        return Centroids(means, (support.y * support.mask[:, None]).sum(0))

    def predict(self, state: Centroids, x: Tensor) -> Tensor:
        return self.likelihood.restrict(-squared_distance(x, state.means), state.counts)
