"""Exponential smoothing as it is usually done: fitted to the series alone, with nothing learned from others.

Source: Hyndman, Koehler, Ord & Snyder, 2008, Forecasting with exponential smoothing: the state space approach.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.seasons import Past, in_order, seasons_of
from quickstudy.functional.smoothing import Rates, Smoothed, smooth
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs

__all__ = ["FittedSmoothing", "Level"]

_LEVEL, _SEASON = (0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9), (0.0, 0.15, 0.4)
_STARTED = 4


class Level(NamedTuple):
    """A series after its last step, a scalar: its level, its seasons (M,), the rate α of the level, the deviation of a step."""

    level: Tensor
    season: Tensor
    rate: Tensor
    deviation: Tensor
    last: Tensor


class FittedSmoothing(Learner[Level]):
    """Level and seasons, ETS(A, N, A), with the rates of a grid that had the smallest squared one-step errors in the series.

    Seasons start at their means over all years, from two years on; before, there are none. Nothing is meta-trained: it is a part
    of `AveragedForecasts`, where a forecaster that depends on the series alone errs unlike those that learned from others.

    Outputs are means and deviations of steps after the last one, (Q, 2): ``s √(1 + (h − 1) α²)`` after h steps.

    Args:
        encoder: from inputs to step numbers (R, 1), whole numbers as of `nn.Calendar`.
        period: M, steps in a year.

    Raises:
        LearnerError: a period below 1.

    >>> learner = FittedSmoothing(nn.Identity(), 4)
    >>> steps, waves = torch.arange(12.0)[:, None], torch.tensor([0.4, 0.1, -0.4, -0.1]).repeat(3)
    >>> learner(Examples.of(steps, waves, kind="values"))(torch.tensor([[12.0], [14.0]]))[:, 0].round(decimals=3)
    tensor([ 0.3970, -0.4030])
    """

    facts = Facts(norm="none", gradient="none")
    likelihood = MeanAndDeviation()

    def __init__(self, encoder: nn.Module, period: int) -> None:
        super().__init__()
        whole(LearnerError, period=period)
        self.encoder, self.period = encoder, period

    def encode(self, x: Inputs) -> Tensor:
        steps: Tensor = self.encoder(x)
        return steps

    def adapt(self, support: Examples) -> Level:
        past, last = in_order(support.x[:, 0], support.y[:, 0], support.mask, self.period)
        seasons = self._seasons(past)
        place = past.mask.cumsum(0)
        early = past.mask * (place <= _STARTED)
        begin = ((past.y - past.season @ seasons) * early).sum() / early.sum().clamp(min=1)
        level = past.y.new_tensor(_LEVEL).repeat_interleave(len(_SEASON))
        season = past.y.new_tensor(_SEASON).repeat(len(_LEVEL))
        none = torch.zeros_like(level)
        known = (past.season.sum(0) >= 2).all().to(past.y.dtype)
        rates = Rates(level, none, season * (1 - level) * known, none + 0.5)
        start = Smoothed(begin + none, none, seasons.expand(len(_LEVEL) * len(_SEASON), -1))
        state, errors = smooth(past.y, torch.ones_like(past.y), past.season, past.mask, start, rates)
        square = errors.square().sum(0)
        best = (square == square.amin()).to(square.dtype)
        best = best * (best.cumsum(0) == 1)
        deviation = ((square * best).sum() / past.mask.sum().clamp(min=1)).sqrt()
        return Level(state.level @ best, state.season.mT @ best, level @ best, deviation, last)

    def predict(self, state: Level, x: Tensor) -> Tensor:
        ahead = (x[:, 0] - state.last).clamp(min=1)
        mean = state.level + seasons_of(x[:, 0], self.period) @ state.season
        return torch.stack([mean, state.deviation * (1 + (ahead - 1) * state.rate**2).sqrt() + 1e-3], 1)

    def _seasons(self, past: Past) -> Tensor:
        """The mean of each season less that of its year, over the years that are whole; zero where there are not two."""
        year = torch.div(past.step, self.period, rounding_mode="floor")
        same = (year[:, None] == year) * past.mask
        around = (past.y - (same @ past.y) / same.sum(1).clamp(min=1)) * past.mask
        count = past.season.sum(0)
        found = (past.season.mT @ around) / count.clamp(min=1)
        found = found - found.mean()
        return torch.where((count >= 2).all(), found, 0)
