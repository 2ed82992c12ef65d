"""Simple CNAPs: a set encoder adapts a network by FiLM; classes are separated by Mahalanobis distances, without further weights.

Source: Bateni, Goyal, Masrani, Wood & Sigal, 2020, Improved few-shot visual classification.
"""

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.functional.mahalanobis import Ellipsoids, ellipsoids, mahalanobis_distance
from quickstudy.learner import Facts, Learner
from quickstudy.nn.set_encoder import SetEncoder
from quickstudy.nn.written import Body, WrittenFiLM
from quickstudy.task import Examples, Inputs

__all__ = ["AdaptedEllipsoids", "SimpleCNAPs"]


class AdaptedEllipsoids(NamedTuple):
    """What is remembered of a support set: FiLM scales (and norm statistics), and the classes' means and covariances."""

    body: Body
    classes: Ellipsoids


class SimpleCNAPs(Learner[AdaptedEllipsoids]):
    """CNAPs with a Mahalanobis head in place of the written one.

        ``z = ρ(mean_s φ(x_s))``,    ``γ = 1 + r ∘ (W z + b)``,  ``β = s ∘ (V z + d)``    for every norm layer of f
        ``p(n | x) ∝ exp(−½ (f − μ_n)ᵀ Q_n^{-1} (f − μ_n))``,    ``Q_n = λ_n Σ_n + (1 − λ_n) Σ + I``,  ``f = f(x; γ, β)``

    with ``λ_n = S_n / (S_n + 1)``, see `quickstudy.functional.mahalanobis`. Without FiLM it is `MahalanobisProtoNet`.

    Deviations: those of `CNAPs` on the body.

    Args:
        network: f, any from inputs to features (D,) with norm layers. A copy of it is used.
        reader: the set encoder of the task, which gives z.
        code: numbers in z.

    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.LayerNorm(6), nn.ReLU())
    >>> learner = SimpleCNAPs(network, SetEncoder(nn.Linear(4, 8)), code=8)
    >>> import torch
    >>> learner(Examples.of(torch.eye(4), torch.tensor([0, 1, 2, 2])))(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    facts = Facts(norm="none")

    def __init__(self, network: nn.Module, reader: SetEncoder, *, code: int) -> None:
        super().__init__()
        self.body = WrittenFiLM(network, reader, code=code)
        self.facts = replace(self.facts, norm=self.body.norm)

    def adapt(self, support: Examples) -> AdaptedEllipsoids:
        body = self.body.write(support)
        return AdaptedEllipsoids(body, ellipsoids(self.body(body, support.x), support.y, support.mask))

    def predict(self, state: AdaptedEllipsoids, x: Inputs) -> Tensor:
        return self.likelihood.restrict(-mahalanobis_distance(self.body(state.body, x), state.classes), state.classes.counts)
