"""Prototypes with covariances: a query belongs to the class at the smallest Mahalanobis distance.

Source: Bateni, Goyal, Masrani, Wood & Sigal, 2020, Improved few-shot visual classification.
"""

from torch import Tensor, nn

from quickstudy.functional.mahalanobis import Ellipsoids, ellipsoids, mahalanobis_distance
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs

__all__ = ["MahalanobisProtoNet"]


class MahalanobisProtoNet(Learner[Ellipsoids]):
    """Prototypical networks with a distance by each class's covariance: the head of Simple CNAPS on any encoder.

        ``p(n | x) ∝ exp(−½ (f(x) − μ_n)ᵀ Q_n^{-1} (f(x) − μ_n))``,    ``Q_n = λ_n Σ_n + (1 − λ_n) Σ + I``

    with ``λ_n = S_n / (S_n + 1)`` for S_n examples of class n, covariances Σ_n of the class and Σ of the whole support set.
    The more examples, the more a class trusts its own covariance; with one example it uses the task's alone.

    Deviation: the paper's encoder is adapted by a set encoder (that is `SimpleCNAPs`); here it is shared by all tasks.

    Args:
        encoder: any network from inputs to features (D,).

    >>> import torch
    >>> learner = MahalanobisProtoNet(nn.Flatten())
    >>> x = torch.tensor([[-9.0, 0.0], [9.0, 0.0], [-9.0, 4.0], [9.0, 4.0]])  # both classes spread sideways
    >>> learner(Examples.of(x, torch.tensor([0, 0, 1, 1]))).names(torch.tensor([[30.0, 0.5], [-30.0, 3.5]]))
    ['0', '1']
    """

    facts = Facts(norm="running")

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Ellipsoids:
        return ellipsoids(support.x, support.y, support.mask)

    def predict(self, state: Ellipsoids, x: Tensor) -> Tensor:
        return self.likelihood.restrict(-mahalanobis_distance(x, state), state.counts)
