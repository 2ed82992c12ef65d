"""Nearest centroid: the class whose mean input is nearest, without any meta-training.

Source: Mensink, Verbeek, Perronnin & Csurka, 2013, Distance-based image classification.
"""

from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.functional.against_rest import against_rest, with_rest
from quickstudy.functional.distances import class_means, squared_distance
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Labels
from quickstudy.task import Examples, Inputs

__all__ = ["Centroids", "NearestCentroid"]


class Centroids(NamedTuple):
    """What is remembered: class means (N, D), and how many examples each has (N,); of labels also the rests'."""

    means: Tensor
    counts: Tensor


class NearestCentroid(Learner[Centroids]):
    """``argmin_n ‖x − c_n‖²`` on raw inputs, or on the features of a network that is left as it is.

    Args:
        encoder: features to work on; the flattened inputs themselves by default.
        likelihood: `Labels()` for rows of several labels, each compared by the means of the rows with and without it.

    >>> import torch
    >>> learner = NearestCentroid()
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.8]]))
    ['1']
    """

    facts = Facts(gradient="none", norm="none")

    def __init__(self, encoder: nn.Module | None = None, *, likelihood: Categorical | Labels = Categorical()) -> None:  # noqa: B008
        super().__init__()
        self.likelihood = likelihood
        self.encoder = nn.Flatten() if encoder is None else encoder

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Centroids:
        y = with_rest(support.y) if isinstance(self.likelihood, Labels) else support.y
        return Centroids(class_means(support.x, y, support.mask), (y * support.mask[:, None]).sum(0))

    def predict(self, state: Centroids, x: Tensor) -> Tensor:
        logits = -squared_distance(x, state.means)
        if isinstance(self.likelihood, Labels):
            return self.likelihood.restrict(against_rest(logits, state.counts), state.counts.chunk(2)[0])
        return self.likelihood.restrict(logits, state.counts)
