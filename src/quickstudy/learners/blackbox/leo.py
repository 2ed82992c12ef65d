"""Latent embedding optimization: a task's head is decoded from a small latent code, and descent happens in that code.

Source: Rusu, Rao, Sygnowski, Vinyals, Pascanu, Osindero & Hadsell, 2019, Meta-learning with latent embedding optimization.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.checkpointing import repeated
from quickstudy.functional.unroll import Weights, gradient
from quickstudy.learner import Facts, Learner
from quickstudy.nn.mlp import MLP
from quickstudy.task import Examples, Inputs, Task

__all__ = ["LEO", "DecodedHead", "LEOPenalties"]


@dataclass(frozen=True)
class LEOPenalties:
    """Weights of what LEO adds to the query loss.

    Args:
        divergence: β, of ``KL(N(μ, σ²) ‖ N(0, 1))`` of the codes.
        encoder: γ, of ``‖z' − z‖²``, which draws the first code z to the adapted one z', held fixed.
        orthogonality: λ_2, of ``‖C − I‖²``, the mean square over the correlations C of the decoder's rows.
    """

    divergence: float = 1e-3
    encoder: float = 1e-3
    orthogonality: float = 0.1


class DecodedHead(NamedTuple):
    """What is remembered of a support set: the head (N, D), decoded and tuned, and which classes are present (N,)."""

    weight: Tensor
    present: Tensor


class _Path(NamedTuple):
    """The way to a head: the code's mean and log deviation, the code drawn, the code adapted, all (N, L), and the head."""

    mean: Tensor
    log_deviation: Tensor
    start: Tensor
    end: Tensor
    head: DecodedHead


class LEO(Learner[DecodedHead]):
    """A relation network codes each class, a decoder makes its row of a linear head, and gradient steps move the code.

        ``(μ_n, log σ_n) = mean over s of class n, t of S of r(W_e x_s, W_e x_t)``,    ``z_n ~ N(μ_n, σ_n²)``
        ``w_n ~ N(W_μ z_n, exp(W_σ z_n)² σ_0²)``,    ``logit_n = w_n · x``
        ``z ← z − α ∘ ∇_z L_S(w(z))`` (``steps`` times),    then ``w ← w − η ∘ ∇_w L_S(w)`` (``tuning_steps`` times)

    α (by latent dimension) and η (by feature) are meta-trained. Codes and heads are drawn in meta-training; predictors use
    their means. The objective adds the `LEOPenalties` to the query loss; one of them holds the adapted code fixed, which makes
    the outer gradient a surrogate (in all else it is exact).

    Deviations: deviations of the decoder start at σ_0 = √(2 / (L + D)) by a factor instead of an offset; the L2 penalty is
    left to the optimizer's weight decay; the encoder may be trained along, where the paper's features are given.

    Args:
        encoder: from inputs to features (D,); `torch.nn.Identity()` or a frozen network where features are given.
        features: D.
        latent: L, numbers in a code.
        steps: in the latent space.
        tuning_steps: on the head itself.
        dropout: of the features that are coded, in meta-training.
        penalties: weights of the penalties.

    Raises:
        LearnerError: a negative number of steps.

    >>> learner = LEO(nn.Identity(), features=8, latent=4)
    >>> learner(Examples.of(torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])))(torch.randn(5, 8)).shape
    torch.Size([5, 3])
    """

    facts = Facts(stochastic=True, gradient="surrogate", norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        *,
        features: int,
        latent: int = 64,
        steps: int = 5,
        tuning_steps: int = 5,
        dropout: float = 0.3,
        penalties: LEOPenalties = LEOPenalties(),
    ) -> None:
        super().__init__()
        if steps < 0 or tuning_steps < 0:
            raise LearnerError("steps and tuning_steps must be 0 or more.")
        self.encoder, self.steps, self.tuning_steps, self.penalties = encoder, steps, tuning_steps, penalties
        self.coder = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, latent, bias=False))
        self.relation = MLP(2 * latent, (2 * latent, 2 * latent), outputs=2 * latent)
        self.decoder = nn.Linear(latent, 2 * features, bias=False)
        self.spread = (2 / (latent + features)) ** 0.5
        self.latent_rate = nn.Parameter(torch.ones(latent))
        self.tuning_rate = nn.Parameter(torch.full((features,), 1e-3))

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> DecodedHead:
        return self._path(support).head

    def step_sizes(self) -> dict[str, Tensor]:
        """α of each latent direction and η of each feature."""
        return {"latent": self.latent_rate.detach(), "head": self.tuning_rate.detach()}

    def predict(self, state: DecodedHead, x: Tensor) -> Tensor:
        return self.likelihood.restrict(x @ state.weight.mT, state.present)

    def objective(self, task: Task) -> Tensor:
        path = self._path(task.support)
        loss = self.likelihood.nll(self.predict(path.head, task.query.x), task.query.y, task.query.mask)
        real = path.head.present[:, None] / path.head.present.sum().clamp(min=1)
        divergence = (path.mean**2 + (2 * path.log_deviation).exp() - 1) / 2 - path.log_deviation
        moved = (path.end.detach() - path.start) ** 2
        penalties = self.penalties
        return (
            loss
            + penalties.divergence * (divergence * real).sum()
            + penalties.encoder * (moved * real).sum()
            + penalties.orthogonality * _crossing(self.decoder.weight)
        )

    def _path(self, support: Examples) -> _Path:
        present = self.likelihood.present(support.y, support.mask)
        mean, log_deviation = self._codes(support).chunk(2, -1)
        start = self._drawn(mean, log_deviation.exp())

        def loss(moving: Weights) -> Tensor:
            weight = moving["w"] if "w" in moving else self._decoded(moving["z"], draw)
            outputs = self.predict(DecodedHead(weight, present), support.x)
            return self.likelihood.nll(outputs, support.y, support.mask)

        draw = self._noise(start.new_zeros(start.shape[0], self.tuning_rate.shape[0]))
        end = repeated(lambda z: z - self.latent_rate * gradient(loss, {"z": z})["z"], start, self.steps)
        weight = self._decoded(end, draw)
        weight = repeated(lambda w: w - self.tuning_rate * gradient(loss, {"w": w})["w"], weight, self.tuning_steps)
        return _Path(mean, log_deviation, start, end, DecodedHead(weight, present))

    def _codes(self, support: Examples) -> Tensor:
        """Means and log deviations (N, 2L): of each class, over its pairs with all of the support set."""
        codes_SL = self.coder(support.x)
        rows = codes_SL.shape[0]
        pairs = torch.cat([codes_SL[:, None].expand(-1, rows, -1), codes_SL[None].expand(rows, -1, -1)], -1)
        related = self.relation(pairs.flatten(0, 1)).view(rows, rows, -1)
        by_row = (related * support.mask[None, :, None]).sum(1) / support.mask.sum().clamp(min=1)
        weight_SN = support.y * support.mask[:, None]
        codes: Tensor = weight_SN.mT @ by_row / weight_SN.sum(0).clamp(min=1)[:, None]
        return codes

    def _decoded(self, codes: Tensor, noise: Tensor) -> Tensor:
        """The head's rows (N, D) for codes (N, L)."""
        mean, log_factor = self.decoder(codes).chunk(2, -1)
        weight: Tensor = mean + self.spread * log_factor.exp() * noise
        return weight

    def _drawn(self, mean: Tensor, deviation: Tensor) -> Tensor:
        return mean + deviation * self._noise(mean)

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn_like(like) if self.training else torch.zeros_like(like)


def _crossing(weight: Tensor) -> Tensor:
    """``mean (C − I)²`` with C the correlations between the latent directions (columns) of a decoder (2D, L)."""
    unit = weight / ((weight**2).sum(0, keepdim=True) + 1e-12).sqrt()
    correlations = unit.mT @ unit
    crossing: Tensor = ((correlations - torch.eye(correlations.shape[0], dtype=weight.dtype, device=weight.device)) ** 2).mean()
    return crossing
