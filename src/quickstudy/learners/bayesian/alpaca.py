"""ALPaCA: Bayesian linear regression on learned features, with a learned prior; exact, and updated example by example.

Source: Harrison, Sharma & Pavone, 2018, Meta-learning priors for efficient online Bayesian regression.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import number, whole
from quickstudy.errors import LearnerError
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs

__all__ = ["ALPaCA", "Posterior"]


class Posterior(NamedTuple):
    """What is known of the weights v: their mean (D, P) and a triangular root R (D, D) of their covariance, ``R Rᵀ``."""

    mean: Tensor
    root: Tensor


class ALPaCA(Learner[Posterior]):
    """The last layer of a network is a Bayesian linear regression; features, prior and noise are meta-trained.

        ``y = φ(x) K + ε``,    ``ε ~ N(0, σ²)``,    ``K ~ N(K₀, σ² Λ₀⁻¹)``

        ``Λ = Λ₀ + Φᵀ Φ``,    ``K̄ = Λ⁻¹ (Φᵀ Y + Λ₀ K₀)``

        ``y | x ~ N(φ(x) K̄, (1 + φ(x) Λ⁻¹ φ(x)ᵀ) σ²)``

    φ(x) are the encoder's features and a column of ones. With the weights written ``K = K₀ + A v`` and ``A Aᵀ = Λ₀⁻¹``, the prior
    of v is standard normal, which is what a posterior of no examples is. The prior is meta-trained by the density of the
    queries, so the answer is calibrated for tasks like those of meta-training: `metrics.coverage_95` shows it.

    `update` conditions on more examples exactly, in the time of those alone. Outputs are means and deviations, (Q, 2 P).

    Args:
        encoder: from inputs to features (D − 1,).
        features: D − 1, how many the encoder gives.
        targets: P, numbers to be predicted; they share Λ, and have a noise each.
        noise: σ at the start, in the unit of the targets.
        prior: deviation of each weight at the start, in the unit of the targets.

    Raises:
        LearnerError: numbers that are not positive.

    Shapes:
        support x (S, …), y (S, P) -> outputs (Q, 2 P)

    >>> learner = ALPaCA(nn.Identity(), 1, noise=0.1, prior=1.0)
    >>> predictor = learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0.5, 2.5])))
    >>> predictor(torch.tensor([[0.5], [9.0]]))  # sure between the examples, unsure far from them
    tensor([[ 1.4974,  0.1224],
            [18.2070,  1.1940]])
    """

    facts = Facts(norm="running")
    likelihood = MeanAndDeviation()

    def __init__(self, encoder: nn.Module, features: int, *, targets: int = 1, noise: float = 0.1, prior: float = 1.0) -> None:
        super().__init__()
        whole(LearnerError, features=features, targets=targets)
        number(LearnerError, noise=noise, above=True)
        number(LearnerError, prior=prior, above=True)
        self.encoder = encoder
        self.prior_mean = nn.Parameter(torch.zeros(features + 1, targets))
        self.prior_root = nn.Parameter(torch.eye(features + 1) * (prior / noise))
        self.log_noise = nn.Parameter(torch.full((targets,), float(noise)).log())

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return torch.cat([features, torch.ones_like(features[:, :1])], 1)

    def adapt(self, support: Examples) -> Posterior:
        unit = torch.eye(self.prior_root.shape[0], dtype=support.x.dtype, device=support.x.device)
        return self.update(Posterior(torch.zeros_like(self.prior_mean), unit), support)

    def update(self, state: Posterior, more: Examples) -> Posterior:
        """The posterior of the examples seen before and of ``more``; solved in double precision."""
        rows = (more.x @ self.prior_root * more.mask[:, None]).double()
        residuals = ((more.y - more.x @ self.prior_mean) * more.mask[:, None]).double()
        inverse = torch.linalg.solve_triangular(state.root.double(), torch.eye(rows.shape[1]).to(rows), upper=True)
        before = inverse.mT @ inverse
        lower = torch.linalg.cholesky(before + rows.mT @ rows)
        mean = torch.cholesky_solve(before @ state.mean.double() + rows.mT @ residuals, lower)
        root = torch.linalg.solve_triangular(lower, torch.eye(rows.shape[1]).to(rows), upper=False).mT
        return Posterior(mean.to(more.y.dtype), root.to(more.y.dtype))

    def predict(self, state: Posterior, x: Tensor) -> Tensor:
        rows = x @ self.prior_root
        mean = x @ self.prior_mean + rows @ state.mean
        spread = 1 + (rows @ state.root).square().sum(1, keepdim=True)
        return torch.cat([mean, spread.sqrt() * self.log_noise.exp()], 1)
