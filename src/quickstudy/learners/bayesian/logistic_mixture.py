"""Bayesian logistic regression on features, with a mixture of normal priors that is meta-trained.

Source: MacKay, 1992, The evidence framework applied to classification networks (posterior and prediction); Rossi, Allenby &
McCulloch, 2005, Bayesian statistics and marketing (a mixture of normal priors over people's weights in choices).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import number, whole
from quickstudy.errors import LearnerError
from quickstudy.functional.binary import Binary
from quickstudy.functional.logistic_mode import logistic_mode
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs

__all__ = ["BayesianLogisticRegression", "Modes"]


class Modes(NamedTuple):
    """Of each component: the mode of the weights (C, D), a root of their covariance (C, D, D), its log probability (C,)."""

    weight: Tensor
    root: Tensor
    share: Tensor


class BayesianLogisticRegression(Learner[Modes]):
    """Yes or no by a logistic regression whose prior is meta-trained: a normal distribution, or a mixture of several.

        ``p(y = 1 | x) = σ(wᵀ φ(x))``,    ``w ~ Σ_c π_c N(μ_c, A_c A_cᵀ)``

        ``p(y = 1 | x, S) = Σ_c π_c(S) σ(wᶜᵀ φ / √(1 + π s_c² / 8))``,    ``π_c(S) ∝ π_c evidence_c(S)``,    ``s_c² = φᵀ Σ_c φ``

    For each component Newton's method finds the mode wᶜ of the posterior; Σ_c is Laplace's covariance there, and the evidence
    says how probable the component is, see `functional.logistic_mode`. One component is Bayesian logistic regression with a
    normal prior; with several, tasks are of kinds (habits of people, families of machines), and few examples show which. Without
    any example the answer is that of the prior.

    Args:
        encoder: φ, from inputs to features (D,). There is no bias: give a feature of ones where one is wanted.
        features: D, how many it gives.
        components: of the prior.
        prior: deviation of each weight at the start.
        steps: of Newton's method.

    Raises:
        LearnerError: numbers that are not positive.

    Shapes:
        support x (S, …), y (S, 1) of 0 and 1 -> log-odds (Q, 1)

    >>> learner = BayesianLogisticRegression(nn.Identity(), 1)
    >>> predictor = learner(Examples.of(torch.tensor([[1.0], [2.0]]), torch.ones(2, 1), kind="values"))
    >>> predictor.probabilities(torch.tensor([[3.0], [-3.0], [0.0]]))
    tensor([[0.7783],
            [0.2217],
            [0.5000]])
    """

    facts = Facts(norm="running")
    likelihood = Binary()

    def __init__(self, encoder: nn.Module, features: int, *, components: int = 1, prior: float = 1.0, steps: int = 10) -> None:
        super().__init__()
        whole(LearnerError, features=features, components=components, steps=steps)
        number(LearnerError, prior=prior, above=True)
        self.encoder, self.steps = encoder, steps
        apart = prior * torch.randn(components, features) if components > 1 else torch.zeros(1, features)
        self.prior_mean = nn.Parameter(apart)
        self.prior_root = nn.Parameter(prior * torch.eye(features).repeat(components, 1, 1))
        self.prior_share = nn.Parameter(torch.zeros(components))

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Modes:
        y = support.y[:, 0] * support.mask
        found = logistic_mode(support.x, y, support.mask, self.prior_mean, self.prior_root, self.steps)
        return Modes(found.weight, found.root, (self.prior_share + found.evidence).log_softmax(0))

    def predict(self, state: Modes, x: Tensor) -> Tensor:
        middle = state.weight @ x.mT  # (C, Q)
        variance = (x @ state.root).square().sum(-1)
        each = middle / (1 + math.pi / 8 * variance).sqrt()
        share = state.share[:, None]
        yes, no = ((share + nn.functional.logsigmoid(side * each)).logsumexp(0) for side in (1, -1))
        return (yes - no)[:, None]
