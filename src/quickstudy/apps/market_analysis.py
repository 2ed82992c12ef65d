"""Market analysis: the next year of sales or visitors, from one to three years of a new series."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.datasets.series import SEASON, YEAR, regular_series
from quickstudy.evaluation.forecasting import (
    averaged_forecasts,
    fitted_smoothing,
    gradient_boosting,
    pooled_regression,
    seasonal_naive,
)
from quickstudy.learner import Learner
from quickstudy.learners.forecast.attention_forecaster import AttentionForecaster
from quickstudy.learners.forecast.averaged_forecasts import AveragedForecasts
from quickstudy.learners.forecast.exponential_smoothing import ExponentialSmoothing
from quickstudy.learners.forecast.fitted_smoothing import FittedSmoothing
from quickstudy.learners.wrappers.own_scale import OwnScale
from quickstudy.metrics.values import coverage_95, mase
from quickstudy.nn.calendar import Calendar
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.forecasts import Forecasts
from quickstudy.tasks.seasonal_units import SeasonalUnits
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["market_analysis"]

_HORIZONS = {12: 12, 4: 8}
"""Steps to be predicted: twelve months, or eight quarters."""

_WINDOWS, _STRIDE = 3000, {12: 18, 4: 4}
"""Windows that pooled baselines are fitted to, and every how many steps a window of the test begins."""


def _recipe(
    *, data: str = "", steps: int = 600, batch: int = 32, lr: float = 2e-3, smoothing_lr: float = 3e-2, equal_years: int = 2
) -> Recipe:
    """Smoothing with shared rates, a network that attends to the past, and smoothing fitted to the series, averaged.

    Args:
        data: "" or "retail" for Australian retail turnover by month, "tourism" for nights by quarter, else a table of your own.
        steps, batch: of meta-training.
        lr: of the network.
        smoothing_lr: of the smoothing and of the weights.
        equal_years: from so many years of the past on, the three forecasts have equal weights.
    """
    parts, period = regular_series(data)
    horizon, years = _HORIZONS[period], [period * k for k in (1, 2, 3)]
    calendar = partial(Calendar, period, year=YEAR, season=SEASON)
    smoothing, network = ExponentialSmoothing(calendar(), period), AttentionForecaster(calendar(), period)
    members: list[Learner[Any]] = [smoothing, network, FittedSmoothing(calendar(), period)]
    average = AveragedForecasts(members, equal_from=equal_years * period)
    slow = list(network.parameters())
    fast = [weight for weight in average.parameters() if all(weight is not other for other in slow)]
    groups = [{"params": slow, "lr": lr, "weight_decay": 0.01}, {"params": fast, "lr": smoothing_lr, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups)
    positive = all(bool((part.y > 0).all()) for part in parts)
    val, test = (SeasonalUnits(Forecasts(part, 2 * period, horizon, step=1.0), period) for part in (parts.val, parts.test))
    return Recipe(
        learner=OwnScale(average, log=positive),
        train=Forecasts(parts.train, years, horizon, step=1.0),
        val=val,
        test=test,
        optimizer=optimizer,
        steps=steps,
        batch=batch,
        schedule=torch.optim.lr_scheduler.OneCycleLR(optimizer, [lr, smoothing_lr], total_steps=steps),
        clip=1.0,
        validate_every=steps,
        val_tasks=50,
        reads=parts.train.reads,
    )


_SINGLE = ("seasonal naive", "exponential smoothing", "pooled ridge", "gradient boosting")
"""Baselines of one method, which are to be exceeded; the average of two is reported."""


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """One, two and three years of a new series; errors are in units of its own seasonal naive error, intervals by series."""
    found = {}
    for years in (1, 2, 3):
        val, test = (_of(source, years) for source in (recipe.val, recipe.test))
        plan = test.each(_STRIDE[test.period])
        promises = (Promise(over=_SINGLE),) if years > 1 else ()
        name = f"{years} year{'s' if years > 1 else ''} of the past"
        found[name] = Setting(test, val, years, plan=plan, units=plan.tasks, promises=promises)
    return found


def _of(source: TaskSource[Any] | None, years: int) -> SeasonalUnits:
    """The tasks of a source with another length of the past."""
    assert isinstance(source, SeasonalUnits)
    period, table = source.period, source.source.table
    return SeasonalUnits(Forecasts(table, years * period, _HORIZONS[period], step=1.0), period)


def _facts(recipe: Recipe) -> tuple[int, bool]:
    """Steps in a year, and whether forecasts are of logarithms."""
    assert isinstance(recipe.val, SeasonalUnits) and isinstance(recipe.learner, OwnScale)
    return recipe.val.period, recipe.learner.log


def _seasons(x: Any) -> NDArray[np.int64]:
    """The place in the year of each row, from 0 on."""
    found: NDArray[np.int64] = (x[:, 1] * SEASON[1] + SEASON[0]).round().long().numpy() - 1
    return found


def _pooled(fit: Callable[..., Any], recipe: Recipe, **choice: Any) -> Any:
    """A model pooled over series of meta-training, for each length of the past that is met."""
    assert isinstance(recipe.train, Forecasts)
    table, (period, log) = recipe.train.table, _facts(recipe)

    @cache
    def model(length: int) -> Any:
        source = Forecasts(table, length, _HORIZONS[period], step=1.0)
        tasks = source.sample(min(_WINDOWS, len(source)), generator_of(0))
        return fit(tasks, _seasons, period, log=log, **choice)

    return lambda support: model(len(support))(support)


def _naive(recipe: Recipe) -> Any:
    return seasonal_naive(_facts(recipe)[0])


def _smoothing(recipe: Recipe, *, trend: bool = True) -> Any:
    period, log = _facts(recipe)
    return fitted_smoothing(period, log=log, trend=trend)


def _both(recipe: Recipe, *, trend: bool, penalty: float) -> Any:
    return averaged_forecasts(_smoothing(recipe, trend=trend), _pooled(pooled_regression, recipe, penalty=penalty))


_PENALTIES = tuple({"penalty": penalty} for penalty in (0.1, 1.0, 10.0, 100.0, 1000.0))
_TRENDS = ({"trend": True}, {"trend": False})

market_analysis = Application(
    name="market-analysis",
    title="The next twelve months or eight quarters of a new series from one to three years of it, with bands",
    who="For whoever plans stock, staff or budgets by shop, product or region, and has many related series: new ones are short.",
    bring="A table (CSV, TSV, JSON lines, Parquet), a row a step: series, year, month (1 to 12) or quarter (1 to 4), value. Also "
    "unit, and split (train, val, test). Some dozens of series with five years each are enough to begin.",
    limits="It carries on what series of one kind have in common: seasons, trends, how fast they change. It sees no prices, "
    "holidays or campaigns, and no shock that the past does not hold. Bands are of single steps, not of sums over a year.",
    data="Retail turnover by state and industry, Australian Bureau of Statistics, catalogue 8501.0, CC BY 4.0. Overnight trips "
    "by region and purpose, Tourism Research Australia (not shipped: put it below QUICKSTUDY_DATA).",
    recipe=_recipe,
    settings=_settings,
    baselines={
        "seasonal naive": Baseline(_naive),
        "exponential smoothing": Baseline(_smoothing, _TRENDS, val_tasks=30),
        "pooled ridge": Baseline(partial(_pooled, pooled_regression), _PENALTIES),
        "gradient boosting": Baseline(partial(_pooled, gradient_boosting), ({"leaves": 7}, {"leaves": 15}, {"leaves": 31})),
        "smoothing + ridge, averaged": Baseline(
            _both, tuple({**trend, "penalty": penalty} for trend in _TRENDS for penalty in (1.0, 10.0)), val_tasks=30
        ),
    },
    unit="series",
    metric=mase,
    metrics=(coverage_95,),
    quick={"steps": 30, "batch": 8},
)
"""Market analysis, see docs/applications/market-analysis.md."""
