"""The forecaster's baselines are what statsmodels, scikit-learn and a count by hand say."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from quickstudy import Examples
from quickstudy.evaluation.forecasting import (
    averaged_forecasts,
    fitted_smoothing,
    gradient_boosting,
    pooled_regression,
    seasonal_naive,
)
from quickstudy.task import Task

PERIOD = 4
STEPS = torch.arange(16, dtype=torch.float64)[:, None]
Y = (10 + 0.2 * STEPS[:, 0] + torch.tensor([2.0, 0.0, -2.0, 0.5]).repeat(4) + 0.1 * torch.sin(7 * STEPS[:, 0])).double()
PAST, AHEAD = Examples.of(STEPS[:12], Y[:12]), STEPS[12:]


def seasons(x):  # type: ignore[no-untyped-def]
    return (x[:, 0].long() % PERIOD).numpy()


def test_the_seasonal_naive_forecast_is_last_year() -> None:
    mean, deviation = seasonal_naive(PERIOD)(PAST)(AHEAD)
    assert mean[:, 0].tolist() == Y[8:12].tolist()
    assert deviation[0].item() == pytest.approx(float(np.std((Y[4:12] - Y[:8]).numpy())))
    longer, _ = seasonal_naive(PERIOD)(PAST)(torch.zeros(6, 1))
    assert longer[4:, 0].tolist() == Y[8:10].tolist()


@pytest.mark.parametrize("log", [False, True])
def test_smoothing_is_statsmodels(log: bool) -> None:
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    y = np.log(Y[:12].numpy()) if log else Y[:12].numpy()
    parts = {"trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": PERIOD}
    wanted = ExponentialSmoothing(y, initialization_method="estimated", **parts).fit().forecast(4)
    mean, deviation = fitted_smoothing(PERIOD, log=log)(PAST)(AHEAD)
    np.testing.assert_allclose(mean[:, 0].numpy(), np.exp(wanted) if log else wanted, rtol=1e-6)
    assert bool((deviation > 0).all())


def batch() -> Task:
    """Windows of forty series of other sizes and slopes, without padding."""
    generator = torch.Generator().manual_seed(0)
    size = 5 + 20 * torch.rand(40, 1, generator=generator, dtype=torch.float64)
    slope = 0.02 * torch.randn(40, 1, generator=generator, dtype=torch.float64)
    y = size * (1 + slope * STEPS[:, 0] + 0.2 * torch.tensor([1.0, 0.0, -1.0, 0.25]).repeat(4))
    x = STEPS.expand(40, 16, 1)
    full = torch.ones(40, 16)
    return Task(Examples(x[:, :12], y[:, :12, None], full[:, :12]), Examples(x[:, 12:], y[:, 12:, None], full[:, 12:]))


def test_a_pooled_regression_is_ridge_on_scaled_windows() -> None:
    tasks = batch()
    past, ahead = tasks.support.y[..., 0].numpy(), tasks.query.y[..., 0].numpy()
    size = past.mean(1, keepdims=True)
    season = np.tile(np.eye(PERIOD)[0], (40, 1))
    model = Ridge(0.5).fit(np.c_[past / size - 1, season], ahead / size - 1)
    own = Y[:12].numpy()
    wanted = (model.predict(np.r_[own / own.mean() - 1, np.eye(PERIOD)[0]][None])[0] + 1) * own.mean()
    mean, deviation = pooled_regression(tasks, seasons, PERIOD, 0.5, log=False)(PAST)(AHEAD)
    np.testing.assert_allclose(mean[:, 0].numpy(), wanted)
    assert deviation.shape == (4, 1) and bool((deviation > 0).all())


@pytest.mark.parametrize("log", [False, True])
def test_boosted_trees_follow_seasons(log: bool) -> None:
    mean, _ = gradient_boosting(batch(), seasons, PERIOD, 7, log=log)(PAST)(AHEAD)
    assert float((mean[:, 0] - Y[12:]).abs().mean()) < 0.5 * float((Y[12:] - Y[:12].mean()).abs().mean())


def test_an_average_is_the_mean_of_forecasts() -> None:
    one, other = seasonal_naive(PERIOD), fitted_smoothing(PERIOD, log=False)
    found = averaged_forecasts(one, other)(PAST)(AHEAD)
    torch.testing.assert_close(found, (one(PAST)(AHEAD)[0] + other(PAST)(AHEAD)[0]) / 2)
