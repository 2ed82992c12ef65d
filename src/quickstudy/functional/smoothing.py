"""Exponential smoothing with a damped trend and seasons, differentiable in its rates, for regular and for broken series.

Source: Hyndman, Koehler, Ord & Snyder, 2008, Forecasting with exponential smoothing: the state space approach.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Rates", "Smoothed", "damped", "forecast", "smooth"]


class Rates(NamedTuple):
    """How fast level, trend and seasons follow, and how the trend fades: α, β, γ, φ between 0 and 1, (K,) each."""

    level: Tensor
    trend: Tensor
    season: Tensor
    damping: Tensor


class Smoothed(NamedTuple):
    """Level (K,), trend a step (K,) and seasons (K, M) after the last value, of K smoothings with rates of their own."""

    level: Tensor
    trend: Tensor
    season: Tensor


def damped(damping: Tensor, steps: Tensor) -> Tensor:
    """``φ + φ² + … + φ^h``: by how many trends a series moves in h steps.

    >>> damped(torch.tensor(0.5), torch.tensor(2.0))
    tensor(0.7500)
    """
    return damping * (1 - damping**steps) / (1 - damping)


def smooth(
    y_S: Tensor, gap_S: Tensor, season_SM: Tensor, used_S: Tensor, start: Smoothed, rates: Rates
) -> tuple[Smoothed, Tensor]:
    """Follows values in the order of time.

        ``e = y − (l + φ b + s_m)``,    ``l ← l + φ b + α e``,    ``b ← φ b + α β e``,    ``s_m ← s_m + γ e``

    That is the additive ETS(A, Ad, A). After a gap of h steps ``φ b`` becomes ``(φ + … + φ^h) b``, and the trend ``φ^h b``.

    Args:
        y_S: values.
        gap_S: steps since the row before.
        season_SM: the season of each row as a row of zeros and a one.
        used_S: 1 for rows that are followed, 0 for those that are passed over.
        start: before the first row.
        rates: of K smoothings.

    Returns:
        The state after the last row, and the one-step errors (S, K), zero where a row is passed over.

    >>> one = torch.ones(1)
    >>> state, errors = smooth(torch.tensor([2.0]), one, torch.ones(1, 1), one, Smoothed(one, 0 * one, torch.zeros(1, 1)),
    ...                        Rates(0.5 * one, 0 * one, 0 * one, 0.9 * one))
    >>> state.level, errors
    (tensor([1.5000]), tensor([[1.]]))
    """
    level, trend, season = start
    errors = []
    for y, gap, here_M, used in zip(y_S, gap_S, season_SM, used_S, strict=True):
        moved = damped(rates.damping, gap) * trend
        error = used * (y - level - moved - season @ here_M)
        level = level + used * moved + rates.level * error
        trend = torch.where(used > 0, rates.damping**gap, 1.0) * trend + rates.level * rates.trend * error
        season = season + (rates.season * error)[:, None] * here_M
        errors.append(error)
    return Smoothed(level, trend, season), torch.stack(errors)


def forecast(state: Smoothed, damping: Tensor, steps_Q: Tensor, season_QM: Tensor) -> Tensor:
    """Means (Q, K) so many steps after the last row that was followed."""
    moved = damped(damping[None], steps_Q[:, None]) * state.trend
    return state.level + moved + season_QM @ state.season.mT
