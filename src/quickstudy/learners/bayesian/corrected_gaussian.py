"""Ratings of one user as a normal vector over all items, whose prediction a set network corrects.

Source: Ghahramani & Jordan, 1994, Supervised learning from incomplete data via an EM approach (the normal distribution); Zaheer,
Kottur, Ravanbakhsh, Poczos, Salakhutdinov & Smola, 2017, Deep sets (the network).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import number, whole
from quickstudy.errors import LearnerError
from quickstudy.functional.incomplete_gaussian import Normal, conditioned, incomplete_gaussian
from quickstudy.learner import Facts, Learner, Samples
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.nn.mlp import MLP
from quickstudy.task import Examples

__all__ = ["CorrectedGaussian", "ItemPosterior"]


class ItemPosterior(NamedTuple):
    """What is known of a user: mean (I,) and variance (I,) of each item's value, and a code of the support set (C,)."""

    mean: Tensor
    variance: Tensor
    code: Tensor


class CorrectedGaussian(Learner[ItemPosterior]):
    """A task is a user, a row an item (one-hot), its target the user's value of it; users are draws of one normal distribution.

        ``f_u ~ N(μ, Σ)``,    ``y = f_u[i] + ε``,    ``ε ~ N(0, n)``

    `prepare` estimates μ and Σ on meta-training users by EM, and they stay as they are. Conditioned on a support set they give
    a mean m_i and a deviation d_i for every item, which is the answer before meta-training. What a normal distribution cannot
    say, such as that a user who rates everything alike will go on doing so, is learned: with c a code of the support set
    (`deep sets`) and e_i an item's embedding,

        mean ``m_i + g(c, e_i, m_i − μ_i, d_i)``,    deviation ``d_i exp(h(c, e_i, m_i − μ_i, d_i))``,    g = h = 0 at the start

    Where values are 1 for what a user took and 0 for all else, and the known things are drawn from those taken, a user of n
    things has a given one of them as the known one with probability 1 / n. With ``by_taken = 1`` users weigh as much, so that
    after one thing i the mean of j is, but for the noise, how often j is taken where i is known: ``Σ_u y_ui y_uj / n_u``, over
    ``Σ_u y_ui / n_u``.

    No support set is needed: the answer is that of the prior. `update` is not offered, for the network reads the whole set.

    Args:
        items: I, how many there are, as columns of a one-hot row.
        noise: n.
        shrink: of the covariances towards equal ones, from 0 to 1, see `functional.incomplete_gaussian`.
        features: numbers of an embedding.
        width: units of the networks.
        users: so many meta-training tasks are drawn by `prepare`; of equal ones it takes one.
        by_taken: w, users weigh ``n^-w`` with n the sum of their values, 1 at least.

    Raises:
        LearnerError: sizes or a noise that are not positive, a shrink outside of 0 to 1, or a negative weight.

    Shapes:
        support x (S, I), y (S, 1) -> outputs (Q, 2)

    >>> learner = CorrectedGaussian(2, noise=1.0)  # before it is prepared: μ = 0, Σ = 1
    >>> learner(Examples.of(torch.tensor([[1.0, 0.0]]), [3.0], kind="values"))(torch.eye(2))
    tensor([[1.5000, 1.2247],
            [0.0000, 1.4142]])
    """

    facts = Facts(norm="none")
    likelihood = MeanAndDeviation()
    mean: Tensor
    covariance: Tensor
    noise: Tensor

    def __init__(
        self,
        items: int,
        *,
        noise: float = 0.05,
        shrink: float = 0.05,
        features: int = 24,
        width: int = 48,
        users: int = 8000,
        by_taken: float = 0.0,
    ) -> None:
        super().__init__()
        whole(LearnerError, items=items, features=features, width=width, users=users)
        number(LearnerError, noise=noise, above=True)
        number(LearnerError, by_taken=by_taken)
        if not 0 <= shrink <= 1:
            raise LearnerError(f"shrink={shrink} must lie between 0 and 1.")
        self.shrink, self.users, self.by_taken = shrink, users, by_taken
        self.register_buffer("mean", torch.zeros(items))
        self.register_buffer("covariance", torch.eye(items))
        self.register_buffer("noise", torch.tensor(float(noise)))
        self.embedding = nn.Parameter(0.1 * torch.randn(items, features))
        self.each = MLP(features + 3, (width,), outputs=width)
        self.after = MLP(width + 1, (width,), outputs=width)
        self.head = MLP(width + features + 2, (width,), outputs=2)
        last = self.head.head
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        """Estimates μ and Σ on users that the source draws, support and query together."""
        size = self.mean.shape[0]
        values, seen = torch.zeros(0, size), torch.zeros(0, size)
        for start in range(0, self.users, 500):
            tasks = source.sample(min(500, self.users - start), generator)
            found = [torch.zeros(tasks.support.mask.shape[0], size) for _ in range(2)]
            for side in (tasks.support, tasks.query):
                rows = (side.x * side.mask[..., None]).float().cpu()
                found[0] += torch.einsum("bsi,bs->bi", rows, side.y[..., 0].float().cpu())
                found[1] += rows.sum(1)
            values, seen = torch.cat([values, found[0]]), torch.cat([seen, found[1]])
            different = torch.unique(torch.cat([values, seen], 1), dim=0)
            values, seen = different[:, :size], different[:, size:]
        weights = values.sum(1).clamp(min=1) ** -self.by_taken
        values, seen = values / seen.clamp(min=1), seen.clamp(max=1)
        fitted = incomplete_gaussian(values, seen, noise=float(self.noise), shrink=self.shrink, weights_U=weights)
        self.mean.copy_(fitted.mean)
        self.covariance.copy_(fitted.covariance)

    def adapt(self, support: Examples) -> ItemPosterior:
        prior = Normal(self.mean, self.covariance)
        mean, variance = conditioned(prior, support.x, support.y[:, 0], support.mask, self.noise)
        rest = support.y - (support.x @ self.mean)[:, None]
        seen = torch.cat([support.x @ self.embedding, support.y, rest, rest.square()], 1)
        count = support.mask.sum()
        pooled = (self.each(seen) * support.mask[:, None]).sum(0) / count.clamp(min=1)
        code = self.after(torch.cat([pooled, torch.log1p(count)[None]])[None])[0]
        return ItemPosterior(mean, variance, code)

    def predict(self, state: ItemPosterior, x: Tensor) -> Tensor:
        mean = (x @ state.mean)[:, None]
        deviation = (x @ state.variance + self.noise).sqrt()[:, None]
        away = mean - (x @ self.mean)[:, None]
        code = state.code.expand(x.shape[0], -1)
        moved, wider = self.head(torch.cat([code, x @ self.embedding, away, deviation], 1)).split(1, 1)
        return torch.cat([mean + moved, deviation * wider.exp()], 1)
