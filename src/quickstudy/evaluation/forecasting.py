"""The forecaster's baselines: seasonal naive, exponential smoothing fitted by statsmodels, and models pooled over series.

A support set's rows are the last steps of a regular series, in order, and the queries the next ones.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import MissingExtra
from quickstudy.task import Examples, Task

__all__ = [
    "Array",
    "Forecast",
    "PooledForecast",
    "averaged_forecasts",
    "fitted_smoothing",
    "gradient_boosting",
    "pooled_regression",
    "seasonal_naive",
]

Array = NDArray[np.float64]

Forecast = Callable[[Examples], Callable[[Any], Any]]
"""From a support set to a function from inputs to values (Q, 1), or to values and deviations."""

_LEAST = 0.01


def seasonal_naive(period: int) -> Forecast:
    """The value of a year ago, give or take the changes from year to year; of less than two years, from step to step."""

    def fitted(support: Examples) -> Callable[[Any], tuple[Tensor, Tensor]]:
        y = support.y[:, 0].double().numpy()
        changes = y[period:] - y[:-period] if len(y) > period else np.diff(y)
        deviation = max(float(np.std(changes)) if len(changes) else 0.0, 1e-9 + 1e-3 * abs(y).mean())

        def predict(x: Any) -> tuple[Tensor, Tensor]:
            values = np.resize(y[-period:], len(x))
            return _column(values, support), _column(deviation * np.sqrt(1 + np.arange(len(x)) // period), support)

        return predict

    return fitted


def fitted_smoothing(period: int, *, log: bool, trend: bool = True) -> Forecast:
    """Exponential smoothing with a damped trend, and with seasons from two years on, fitted to each series by statsmodels.

    Args:
        period: steps in a year.
        log: of logarithms, where values are positive: seasons and errors are ratios.
        trend: whether there is a damped trend.

    Raises:
        MissingExtra: (when called) statsmodels is not installed.
    """

    def fitted(support: Examples) -> Callable[[Any], tuple[Tensor, Tensor]]:
        y = support.y[:, 0].double().numpy()
        z = np.log(np.maximum(y, _LEAST * abs(y).mean() + 1e-12)) if log else y
        model = _smoothing(z, period if len(z) >= 2 * period else 0, trend=trend)
        if model is None:
            return seasonal_naive(period)(support)

        def predict(x: Any) -> tuple[Tensor, Tensor]:
            means = np.asarray(model.forecast(len(x)))
            alpha = float(model.params["smoothing_level"])
            deviations = max(float(np.std(model.resid)), 1e-6) * np.sqrt(1 + np.arange(len(x)) * alpha**2)
            if log:
                means = np.exp(np.clip(means, -20, 20))
                deviations = deviations * means
            return _column(means, support), _column(deviations, support)

        return predict

    return fitted


def _smoothing(z: Array, period: int, *, trend: bool) -> Any:
    """The fitted model; None where the fit fails."""
    try:
        from statsmodels.tsa.holtwinters import ExponentialSmoothing
    except ImportError as error:
        raise MissingExtra.of("statistics", "exponential smoothing fitted to each series") from error
    parts: dict[str, Any] = {"seasonal": "add", "seasonal_periods": period} if period else {}
    parts |= {"trend": "add", "damped_trend": True} if trend else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of fits that end at a border, which short series often have
        try:
            found = ExponentialSmoothing(z, initialization_method="estimated", **parts).fit()
        except (ValueError, np.linalg.LinAlgError):
            return None
    return found if np.isfinite(found.forecast(1)).all() else None


@dataclass(frozen=True)
class PooledForecast:
    """One model for windows of many series: from the past in units of its mean, and the season, to the next values in that unit.

    Args:
        model: predicts rows (R, L + M) -> (R, H) of scaled values.
        seasons: from inputs to the season of each row, 0 to M − 1.
        period: M.
        log: whether values are logarithms of ratios to the mean, or differences from it.
        deviation: of each step's error in meta-training, (H,).
    """

    model: Callable[[Array], Array]
    seasons: Callable[[Any], NDArray[np.int64]]
    period: int
    log: bool
    deviation: Array

    def __call__(self, support: Examples) -> Callable[[Any], tuple[Tensor, Tensor]]:
        """A function from inputs to means and deviations, (Q, 1) each."""
        past = support.y[:, 0].double().numpy()

        def predict(x: Any) -> tuple[Tensor, Tensor]:
            size = abs(past).mean() or 1.0
            rows = _rows(past[None], self.seasons(x)[:1], self.period, log=self.log)
            values, deviation = self.model(rows)[0][: len(x)], self.deviation[: len(x)]
            if self.log:
                values = np.exp(np.clip(values, -20, 20)) * size
                return _column(values, support), _column(values * deviation, support)
            return _column((values + 1) * size, support), _column(deviation * size, support)

        return predict


def pooled_regression(tasks: Task, seasons: Callable[[Any], Any], period: int, penalty: float, *, log: bool) -> PooledForecast:
    """A ridge regression from the past to all next values at once, on windows of equal length, a batch of tasks."""
    from sklearn.linear_model import Ridge

    x, y = _windows(tasks, seasons, period, log=log)
    model = Ridge(penalty).fit(x, y)
    return PooledForecast(model.predict, seasons, period, log, (y - model.predict(x)).std(0))


def gradient_boosting(tasks: Task, seasons: Callable[[Any], Any], period: int, leaves: int, *, log: bool) -> PooledForecast:
    """Boosted trees for the change since the same season a year ago; the step and its season are inputs beside the past."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    x, y = _windows(tasks, seasons, period, log=log)
    steps, length = y.shape[1], x.shape[1] - period

    def spread(rows: Array) -> tuple[Array, Array]:
        step = np.tile(np.arange(steps), len(rows))
        every = np.repeat(rows, steps, 0)
        same = every[np.arange(len(every)), length - period + step % period]
        place = (every[:, length:].argmax(1) + step) % period
        return np.c_[every[:, :length], step, same, place, every[:, length - period : length].mean(1)], same

    inputs, same = spread(x)
    trees = HistGradientBoostingRegressor(max_iter=150, max_leaf_nodes=leaves, learning_rate=0.07, random_state=0)
    trees.fit(inputs, y.ravel() - same)

    def predict(rows: Array) -> Array:
        inputs, same = spread(rows)
        found: Array = (trees.predict(inputs) + same).reshape(len(rows), steps)
        return found

    return PooledForecast(predict, seasons, period, log, (y - predict(x)).std(0))


def averaged_forecasts(*models: Forecast) -> Forecast:
    """The plain mean of several forecasts."""

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        each: Sequence[Callable[[Any], Any]] = [model(support) for model in models]

        def predict(x: Any) -> Tensor:
            said = [found[0] if isinstance(found, tuple) else found for found in (one(x) for one in each)]
            return torch.stack(said).mean(0)

        return predict

    return fitted


def _windows(tasks: Task, seasons: Callable[[Any], Any], period: int, *, log: bool) -> tuple[Array, Array]:
    """Rows (R, L + M) and targets (R, H) of a batch of tasks without padding."""
    past, ahead = (side.y[..., 0].double().numpy() for side in (tasks.support, tasks.query))
    size = np.abs(past).mean(1, keepdims=True)
    first = np.array([int(seasons(x[:1])[0]) for x in tasks.query.x])
    return _rows(past, first, period, log=log), _scaled(ahead, np.where(size > 0, size, 1.0), log=log)


def _rows(past: Array, season: NDArray[np.int64], period: int, *, log: bool) -> Array:
    size = np.abs(past).mean(1, keepdims=True)
    return np.concatenate([_scaled(past, np.where(size > 0, size, 1.0), log=log), np.eye(period)[season]], 1)


def _scaled(y: Array, size: Array, *, log: bool) -> Array:
    return np.log(np.maximum(y / size, _LEAST)) if log else y / size - 1


def _column(values: Array, support: Examples) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))[:, None].to(support.y.dtype)
