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
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.task import Examples, Inputs, Task

__all__ = ["LEO", "DecodedHead", "LEOPenalties"]


@dataclass(frozen=True)
class LEOPenalties:
    """Weights of what LEO adds to the query loss.

    Args:
        divergence: β, of ``KL(N(μ, σ²) ‖ N(0, 1))``, the mean over the numbers in the codes.
        encoder: γ, of ``(z' − z)²``, the mean over these, which draws the first code z to the adapted one z', held fixed.
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
    """The way to a head: the code's mean and deviation, the code drawn, the code adapted, all (N, L), and the head."""

    mean: Tensor
    deviation: Tensor
    start: Tensor
    end: Tensor
    head: DecodedHead


class LEO(Learner[DecodedHead]):
    """A relation network codes each class, a decoder makes its row of a linear head, and gradient steps move the code.

        ``(μ_n, log (1 + σ_n)) = mean over s of class n, t of S of r(W_e x_s, W_e x_t)``,    ``z_n ~ N(μ_n, σ_n²)``
        ``w_n ~ N(W_μ z_n, (exp(W_σ z_n) − 1 + σ_0)²)``,  ``σ_0 = √(2 / (N + D))``,    ``logit_n = w_n · x``
        ``z ← z − α ∘ ∇_z N L_S(w(z))`` (``steps`` times),    then ``w ← w − η ∘ ∇_w N L_S(w)`` (``tuning_steps`` times)

    α (by latent dimension) and η (by feature) are meta-trained. In meta-training the code is drawn once and the head anew each
    time it is decoded, and dropout acts on the features wherever they are coded or classified; predictors use means and no
    dropout. The objective adds the `LEOPenalties` to the query loss; one of them holds the adapted code fixed, which makes
    the outer gradient a surrogate (in all else it is exact).

    All this follows the authors' code, in which the inner loss is the sum over the support set and each of the K copies of a
    class's code, one for each shot, gets a K-th of its gradient: N times the mean L_S. There deviations are ``exp(·) − 1`` (plus
    σ_0 for heads), so that codes start with hardly any noise.

    Deviations: a class has one code and one head, where the authors' K copies are drawn apart and their logits averaged; the
    divergence is the closed form where theirs is estimated from the draw; ``exp(·)`` is cut at e², beyond which the steps make
    ever more noise of noise (NaN at the first step with 8 features); the L2 penalty is left to the optimizer's weight
    decay; the encoder may be trained along, where the paper's features are given.

    Args:
        encoder: from inputs to features (D,); `torch.nn.Identity()` or `quickstudy.nn.Frozen` where features are given.
            α starts at 1, as published, which suits features of about unit length (`quickstudy.nn.UnitLength`): where they
            are several times longer, the steps in the latent space may diverge.
        features: D.
        latent: L, numbers in a code.
        steps: in the latent space.
        tuning_steps: on the head itself.
        dropout: of the features, in meta-training.
        penalties: weights of the penalties.

    Raises:
        LearnerError: a negative number of steps.

    >>> learner = LEO(nn.Identity(), features=8, latent=4)
    >>> learner(Examples.of(torch.randn(6, 8), torch.tensor([0, 0, 1, 1, 2, 2])))(torch.randn(5, 8)).shape
    torch.Size([5, 3])
    """

    facts = Facts(stochastic=True, gradient="surrogate", norm="running", unexportable_adaptation=INNER_GRADIENTS)

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
        self.dropout = nn.Dropout(dropout)
        self.coder = _linear(features, latent)
        width = 2 * latent
        self.relation = nn.Sequential(_linear(width, width), nn.ReLU(), _linear(width, width), nn.ReLU(), _linear(width, width))
        self.decoder = _linear(latent, 2 * features)
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
        return self.likelihood.restrict(self.dropout(x) @ state.weight.mT, state.present)

    def objective(self, task: Task) -> Tensor:
        path = self._path(task.support)
        loss = self.likelihood.nll(self.predict(path.head, task.query.x), task.query.y, task.query.mask)
        each = path.head.present[:, None] / (path.head.present.sum().clamp(min=1) * path.mean.shape[1])
        divergence = (path.mean**2 + path.deviation**2 - 1) / 2 - path.deviation.log()
        moved = (path.end.detach() - path.start) ** 2
        penalties = self.penalties
        return (
            loss
            + penalties.divergence * (divergence * each).sum()
            + penalties.encoder * (moved * each).sum()
            + penalties.orthogonality * _crossing(self.decoder.weight)
        )

    def _path(self, support: Examples) -> _Path:
        present = self.likelihood.present(support.y, support.mask)
        ways = present.sum()
        mean, log_spread = self._codes(support).chunk(2, -1)
        deviation = _deviation(log_spread)
        start = mean + deviation * self._noise(mean)

        def loss(moving: Weights) -> Tensor:
            weight = moving["w"] if "w" in moving else self._decoded(moving["z"], ways)
            outputs = self.predict(DecodedHead(weight, present), support.x)
            return ways * self.likelihood.nll(outputs, support.y, support.mask)

        end = repeated(lambda z: z - self.latent_rate * gradient(loss, {"z": z})["z"], start, self.steps)
        weight = self._decoded(end, ways)
        weight = repeated(lambda w: w - self.tuning_rate * gradient(loss, {"w": w})["w"], weight, self.tuning_steps)
        return _Path(mean, deviation, start, end, DecodedHead(weight, present))

    def _codes(self, support: Examples) -> Tensor:
        """Means and log spreads (N, 2L): of each class, over its pairs with all of the support set."""
        codes_SL = self.coder(self.dropout(support.x))
        rows = codes_SL.shape[0]
        pairs = torch.cat([codes_SL[:, None].expand(-1, rows, -1), codes_SL[None].expand(rows, -1, -1)], -1)
        related = self.relation(pairs.flatten(0, 1)).view(rows, rows, -1)
        by_row = (related * support.mask[None, :, None]).sum(1) / support.mask.sum().clamp(min=1)
        weight_SN = support.y * support.mask[:, None]
        codes: Tensor = weight_SN.mT @ by_row / weight_SN.sum(0).clamp(min=1)[:, None]
        return codes

    def _decoded(self, codes: Tensor, ways: Tensor) -> Tensor:
        """The head's rows (N, D) for codes (N, L), drawn anew at each call in meta-training."""
        mean, log_spread = self.decoder(codes).chunk(2, -1)
        spread = (2 / (ways + mean.shape[1])).sqrt()
        weight: Tensor = mean + _deviation(log_spread, spread) * self._noise(mean)
        return weight

    def _noise(self, like: Tensor) -> Tensor:
        return torch.randn_like(like) if self.training else torch.zeros_like(like)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer


def _deviation(log_spread: Tensor, at_zero: Tensor | float = 0.0) -> Tensor:
    """``exp(·) − 1 + at_zero``, and not below 1e-10; cut at ``e²``, as noise that steps make of noise grows beyond all bounds."""
    return (log_spread.clamp(max=2.0).exp() - 1 + at_zero).clamp(min=1e-10)


def _crossing(weight: Tensor) -> Tensor:
    """``mean (C − I)²`` with C the correlations between the latent directions (columns) of a decoder (2D, L)."""
    unit = weight / ((weight**2).sum(0, keepdim=True) + 1e-12).sqrt()
    correlations = unit.mT @ unit
    crossing: Tensor = ((correlations - torch.eye(correlations.shape[0], dtype=weight.dtype, device=weight.device)) ** 2).mean()
    return crossing
