"""Prototypes with covariances: a query belongs to the class at the smallest Mahalanobis distance.

Source: Bateni, Goyal, Masrani, Wood & Sigal, 2020, Improved few-shot visual classification.
"""

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.mahalanobis import Ellipsoids, ellipsoids, mahalanobis_distance
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs

__all__ = ["MahalanobisProtoNet"]


class MahalanobisProtoNet(Learner[Ellipsoids]):
    """Prototypical networks with a distance by each class's covariance: the head of Simple CNAPS on any encoder.

        ``p(n | x) ∝ exp(−½ (z − μ_n)ᵀ Q_n^{-1} (z − μ_n))``,    ``Q_n = λ_n Σ_n + (1 − λ_n) Σ + I``,    ``z = s · f(x)``

    with ``λ_n = S_n / (S_n + 1)`` for S_n examples of class n, covariances Σ_n of the class and Σ of the whole support set.
    The more examples, the more a class trusts its own covariance; with one example it uses the task's alone.
    The scale s says how much the covariances count beside I: features of unit length vanish beside it.

    Deviation: the paper's encoder is adapted by a set encoder (that is `SimpleCNAPs`); here it is shared by all tasks.
    The paper has no s.

    Args:
        encoder: any network from inputs to features (D,).
        scale: s, 1 in the paper; about 8 for features of unit length.
        learn_scale: meta-train the scale.

    Raises:
        LearnerError: a scale that is not positive.

    >>> learner = MahalanobisProtoNet(nn.Flatten())
    >>> x = torch.tensor([[-9.0, 0.0], [9.0, 0.0], [-9.0, 4.0], [9.0, 4.0]])  # both classes spread sideways
    >>> learner(Examples.of(x, torch.tensor([0, 0, 1, 1]))).names(torch.tensor([[30.0, 0.5], [-30.0, 3.5]]))
    ['0', '1']
    """

    facts = Facts(norm="running")

    def __init__(self, encoder: nn.Module, *, scale: float = 1.0, learn_scale: bool = False) -> None:
        super().__init__()
        if not scale > 0:
            raise LearnerError(f"scale={scale} must be positive: features are multiplied by it.")
        self.encoder = encoder
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log(), requires_grad=learn_scale)

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Ellipsoids:
        return ellipsoids(self.log_scale.exp() * support.x, support.y, support.mask)

    def predict(self, state: Ellipsoids, x: Tensor) -> Tensor:
        return self.likelihood.restrict(-mahalanobis_distance(self.log_scale.exp() * x, state), state.counts)
