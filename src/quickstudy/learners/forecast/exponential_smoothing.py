"""Exponential smoothing whose rates, seasons and spread are learned from many series, and weighed for each by its fit.

Source: Hyndman, Koehler, Ord & Snyder, 2008, Forecasting with exponential smoothing: the state space approach; meta-trained as
in Smyl, 2020, A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.seasons import Past, in_order, seasons_of
from quickstudy.functional.smoothing import Rates, Smoothed, forecast, smooth
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs

__all__ = ["ExponentialSmoothing", "Smoothings"]


class Smoothings(NamedTuple):
    """What is known of a series after its last step, a scalar: K smoothings, their weights (K,) and deviations (K,)."""

    state: Smoothed
    weight: Tensor
    deviation: Tensor
    last: Tensor


class ExponentialSmoothing(Learner[Smoothings]):
    """K exponential smoothings with a damped trend and seasons; how much each counts depends on its errors in the series.

        ``p(k | series) ∝ π_k (n₀ d² + Σ_t e_kt²)^{−(n₀ + n) / 2}``

    with e the one-step errors after the first year and d the expected one. That is the posterior of K models whose variance is
    unknown. The first year starts a smoothing: its level, its slope shrunk to the usual one, and its seasons shrunk to the usual
    ones. Rates, prior π, shrinkage, usual seasons, slope and spread are meta-trained; a series of one year, which has no errors
    yet, is forecast by the prior.

    Values should be near 0, see `OwnScale`. Outputs are means and deviations of steps after the last one, (Q, 2).

    Args:
        encoder: from inputs to step numbers (R, 1), whole numbers as of `nn.Calendar`.
        period: M, steps in a year.
        components: K.

    Raises:
        LearnerError: a period or a number of components below 1.

    Shapes:
        support x (S, …), y (S, 1) -> outputs (Q, 2)

    >>> learner = ExponentialSmoothing(nn.Identity(), 4)
    >>> steps, waves = torch.arange(12.0)[:, None], torch.tensor([0.4, 0.1, -0.4, -0.1]).repeat(3)
    >>> learner(Examples.of(steps, waves, kind="values"))(torch.tensor([[12.0], [14.0]]))[:, 0].round(decimals=1)
    tensor([ 0.3000, -0.4000])
    """

    facts = Facts(norm="none")
    likelihood = MeanAndDeviation()

    def __init__(self, encoder: nn.Module, period: int, *, components: int = 6) -> None:
        super().__init__()
        whole(LearnerError, period=period, components=components)
        self.encoder, self.period = encoder, period
        spread = torch.linspace(-1.0, 1.0, components)
        start = torch.stack([spread - 1.0, spread.flip(0) - 3.0, torch.full_like(spread, -0.7), torch.full_like(spread, 3.5)])
        self.rates = nn.Parameter(start)
        self.prior = nn.Parameter(torch.zeros(components))
        self.shrink = nn.Parameter(torch.tensor([[1.5], [-2.0]]).repeat(1, components))
        self.season = nn.Parameter(torch.zeros(components, period))
        self.slope = nn.Parameter(torch.zeros(components))
        self.log_spread = nn.Parameter(torch.tensor([-3.0, -2.0, 0.0, 0.0]))
        self.growth = nn.Parameter(torch.tensor([0.5, 0.0]))

    def encode(self, x: Inputs) -> Tensor:
        steps: Tensor = self.encoder(x)
        return steps

    def adapt(self, support: Examples) -> Smoothings:
        past, last = in_order(support.x[:, 0], support.y[:, 0], support.mask, self.period)
        first = past.mask * (past.step - past.step[0] < self.period)
        start, spread = self._start(past, first)
        gap = torch.cat([torch.ones_like(past.step[:1]), past.step[1:] - past.step[:-1]]).clamp(min=0)
        used = past.mask * (1 - first)
        state, errors = smooth(past.y, gap, past.season, used, start, self._rates())
        count, noise, share, seen = self._expected()
        expected = (noise + share * spread).square()
        total = count * expected + errors.square().sum(0)
        freedom = count + used.sum()
        weight = (self.prior - 0.5 * seen * freedom * total.log()).softmax(0)
        return Smoothings(state, weight, (total / freedom).sqrt(), last)

    def predict(self, state: Smoothings, x: Tensor) -> Tensor:
        ahead = (x[:, 0] - state.last).clamp(min=0)
        means = forecast(state.state, self._rates().damping, ahead, seasons_of(x[:, 0], self.period))
        years = (ahead / self.period)[:, None]
        wider = nn.functional.softplus(self.growth[0] + self.growth[1].exp() * years)
        deviations = state.deviation * wider + 1e-3
        mean = means @ state.weight
        variance = (deviations.square() + (means - mean[:, None]).square()) @ state.weight
        return torch.stack([mean, variance.sqrt()], 1)

    def _rates(self) -> Rates:
        return Rates(*self.rates.sigmoid().clamp(max=0.995))

    def _expected(self) -> tuple[Tensor, ...]:
        """How many errors the expectation counts for, its two parts, and how much the fit matters."""
        noise, share, count, seen = self.log_spread.exp()
        return 2 * count, noise, share, seen

    def _start(self, past: Past, first: Tensor) -> tuple[Smoothed, Tensor]:
        """The state at the end of the first year, and the deviation of its values."""
        count = first.sum().clamp(min=1)
        usual = self.season - self.season.mean(1, keepdim=True)
        at = (past.step - (past.step * first).sum() / count) * first
        around = past.y[:, None] - past.season @ usual.mT
        level = (around * first[:, None]).sum(0) / count
        own = around - level
        slope = (at[:, None] * own).sum(0) / (at.square().sum() + 1e-3)
        kept, trusted = self.shrink.sigmoid()
        trend = self.slope / self.period + trusted * (slope - self.slope / self.period)
        rest = (own - at[:, None] * trend) * first[:, None]
        seen = (past.season * first[:, None]).sum(0).clamp(min=1)
        season = usual + kept[:, None] * (rest.mT @ past.season) / seen
        end = (at * first).amax()
        spread = ((past.y - (past.y * first).sum() / count).square() * first).sum().div(count).add(1e-6).sqrt()
        return Smoothed(level + trend * end, trend, season), spread
