"""Forecasters: exponential smoothing is statsmodels', averages and scales are what their formulas say."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional.seasons import in_order, seasons_of
from quickstudy.functional.smoothing import Rates, Smoothed, damped, forecast, smooth
from quickstudy.task import Task

PERIOD, N = 4, 15
RATES = {"smoothing_level": 0.3, "smoothing_trend": 0.06, "smoothing_seasonal": 0.2, "damping_trend": 0.9}


def wave(count: int = N) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    t = torch.arange(count, dtype=torch.float64)
    return 0.1 * t + (math.pi * t / 2).sin() + 0.2 * torch.randn(count, dtype=torch.float64, generator=generator)


def ones(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.float64)


def rates() -> Rates:
    level, trend, season, damping = (value * ones(1) for value in RATES.values())
    return Rates(level, trend / level, season, damping)


def start() -> Smoothed:
    return Smoothed(0.2 * ones(1), 0.1 * ones(1), torch.tensor([[0.1, 0.9, 0.0, -1.0]], dtype=torch.float64))


def test_smoothing_is_statsmodels() -> None:
    """ETS(A, Ad, A) with the same rates and the same start: one-step errors and forecasts."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    y, first = wave(), start()
    model = ETSModel(
        y.numpy(),
        trend="add",
        damped_trend=True,
        seasonal="add",
        seasonal_periods=PERIOD,
        initialization_method="known",
        initial_level=float(first.level),
        initial_trend=float(first.trend),
        initial_seasonal=first.season[0].numpy(),
    )
    names = {name.split(".")[0]: name for name in model.param_names}
    given = RATES | {"initial_level": float(first.level), "initial_trend": float(first.trend)}
    given |= {f"initial_seasonal.{n}": value for n, value in enumerate(first.season[0].tolist())}
    del names
    theirs = model.smooth([given[name] for name in model.param_names if name in given])
    season = seasons_of(torch.arange(N, dtype=torch.float64), PERIOD)
    state, errors = smooth(y, ones(N), season, ones(N), first, rates())
    np.testing.assert_allclose(errors[:, 0].numpy(), theirs.resid, atol=1e-9)
    ahead = torch.arange(1, 7, dtype=torch.float64)
    found = forecast(state, rates().damping, ahead, seasons_of(N - 1 + ahead, PERIOD))
    np.testing.assert_allclose(found[:, 0].numpy(), theirs.forecast(6), atol=1e-9)


def test_a_trend_fades_by_its_damping() -> None:
    half = torch.tensor(0.5, dtype=torch.float64)
    assert [float(damped(half, torch.tensor(h, dtype=torch.float64))) for h in (0.0, 1.0, 3.0)] == [0.0, 0.5, 0.875]


def test_a_gap_moves_a_series_as_far_as_the_steps_would() -> None:
    """With rates of 0 nothing is learned, so a row after three steps is where three rows would be."""
    still = Rates(*(value * ones(1) for value in (0.0, 0.0, 0.0, 0.8)))
    season = torch.zeros(3, PERIOD, dtype=torch.float64)
    (level, trend, _), _ = smooth(torch.zeros(3, dtype=torch.float64), ones(3), season, ones(3), start(), still)
    (far, later, _), _ = smooth(torch.zeros(1, dtype=torch.float64), 3 * ones(1), season[:1], ones(1), start(), still)
    torch.testing.assert_close((far, later), (level, trend))


def test_rows_are_put_in_order_and_padding_goes_last() -> None:
    steps, y = torch.tensor([7.0, 9.0, 5.0, 6.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    past, last = in_order(steps, y, torch.tensor([1.0, 0.0, 1.0, 1.0]), PERIOD)
    assert last == 7 and past.step.tolist() == [-2, -1, 0, 0] and past.y.tolist() == [3, 4, 1, 0]
    assert past.season.argmax(1).tolist()[:3] == [1, 2, 3] and past.mask.tolist() == [1, 1, 1, 0]


def examples(y: Tensor, mask: Tensor | None = None) -> Examples:
    return Examples(torch.arange(len(y), dtype=y.dtype)[:, None], y[:, None], torch.ones_like(y) if mask is None else mask)


def test_weights_of_smoothings_are_the_posterior_of_models_of_unknown_variance() -> None:
    learner = learners.ExponentialSmoothing(nn.Identity(), PERIOD, components=3).double()
    y = wave()
    state = learner.adapt(examples(y))
    count = 2 * math.exp(float(learner.log_spread[2].detach()))
    freedom = count + (N - PERIOD)
    square = state.deviation.square() * freedom  # n₀ d² + Σ e²
    wanted = (learner.prior - 0.5 * freedom * square.log()).softmax(0)
    torch.testing.assert_close(state.weight, wanted)
    assert float(state.weight.detach().std()) > 1e-3


def test_a_year_alone_is_forecast_by_the_prior() -> None:
    learner = learners.ExponentialSmoothing(nn.Identity(), PERIOD, components=3).double()
    state = learner.adapt(examples(wave(PERIOD)))
    torch.testing.assert_close(state.weight, learner.prior.softmax(0))


def test_a_mixtures_variance_holds_the_spread_of_its_means() -> None:
    learner = learners.ExponentialSmoothing(nn.Identity(), PERIOD, components=3).double()
    with torch.no_grad():
        state = learner.adapt(examples(wave()))
        ahead = torch.tensor([[N + 2.0]], dtype=torch.float64)
        mean, deviation = learner.predict(state, ahead)[0]
        each = forecast(state.state, learner._rates().damping, ahead[:, 0] - (N - 1), seasons_of(ahead[:, 0], PERIOD))[0]
        assert float(mean) == pytest.approx(float(each @ state.weight))
        assert float(deviation) ** 2 > float((each - mean).square() @ state.weight)


def test_an_average_is_weighed_by_the_number_of_examples() -> None:
    parts = [learners.ExponentialSmoothing(nn.Identity(), PERIOD).double() for _ in range(2)]
    with torch.no_grad():
        parts[1].slope.fill_(1.0)
    learner = learners.AveragedForecasts(parts).double()
    with torch.no_grad():
        learner.level.copy_(torch.tensor([[0.3, 0.0], [0.0, 0.0]]))
        learner.by_count.copy_(torch.tensor([[0.0, -0.2], [0.0, 0.0]]))
    support, ahead = examples(wave()), torch.tensor([[20.0]], dtype=torch.float64)
    first, second = (part(support)(ahead) for part in parts)
    share = 1 / (1 + math.exp(-0.2 * math.log(N) - 0.3))
    wanted = torch.stack([share * first[:, 0] + (1 - share) * second[:, 0], (first + second)[:, 1] / 2], 1)
    torch.testing.assert_close(learner(support)(ahead), wanted)


@pytest.mark.parametrize("log", [False, True])
def test_answers_scale_with_the_support_set(log: bool) -> None:
    learner = learners.OwnScale(learners.ExponentialSmoothing(nn.Identity(), PERIOD), log=log).double()
    y, ahead = 5 + wave(), torch.tensor([[17.0], [18.0]], dtype=torch.float64)
    torch.testing.assert_close(learner(examples(250 * y))(ahead), 250 * learner(examples(y))(ahead))


def test_logarithms_of_ratios_and_back() -> None:
    inner = learners.ExponentialSmoothing(nn.Identity(), PERIOD).double()
    y, ahead = 5 + wave(), torch.tensor([[17.0]], dtype=torch.float64)
    mean, deviation = inner(examples((y / y.mean()).log()))(ahead)[0]
    found = learners.OwnScale(inner, log=True)(examples(y))(ahead)[0]
    torch.testing.assert_close(found, torch.stack([y.mean() * mean.exp(), y.mean() * mean.exp() * deviation]))


def test_the_objective_does_not_depend_on_the_unit() -> None:
    learner = learners.OwnScale(learners.ExponentialSmoothing(nn.Identity(), PERIOD), log=True).double()
    y = 5 + wave(20)
    losses = []
    for times in (1.0, 1000.0):
        whole = examples(times * y)
        losses.append(float(learner.objective(Task(whole[:15], whole[15:])).detach()))
    assert losses[0] == pytest.approx(losses[1])


def test_more_examples_would_change_the_unit_so_no_update_is_offered() -> None:
    assert not hasattr(learners.OwnScale(learners.ALPaCA(nn.Identity(), 1)), "update")


def test_what_has_no_deviations_is_refused() -> None:
    with pytest.raises(LearnerError, match="ProtoNet gives no deviations"):
        learners.OwnScale(learners.ProtoNet(nn.Identity()))
    with pytest.raises(LearnerError, match="1 were given"):
        learners.AveragedForecasts([learners.ALPaCA(nn.Identity(), 1)])


def test_attention_begins_as_a_seasonal_forecast() -> None:
    """Of a series that repeats, and of which nothing was learned yet, the same season is nearer than the others."""
    torch.manual_seed(0)
    learner = learners.AttentionForecaster(nn.Identity(), PERIOD).double()
    y = torch.tensor([0.0, 1.0, 0.0, -1.0], dtype=torch.float64).repeat(4)
    found = learner(examples(y))(torch.arange(16, 20, dtype=torch.float64)[:, None])[:, 0]
    assert float(found[1] - found[3]) > 0.5


def test_fitted_smoothing_has_the_best_rates_of_its_grid() -> None:
    """Beside statsmodels, whose rates and start are free: hardly worse in the past."""
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    y = 3 + (math.pi * torch.arange(12, dtype=torch.float64) / 2).sin()
    y = y + 0.2 * torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    state = learners.FittedSmoothing(nn.Identity(), PERIOD).adapt(examples(y))
    model = ExponentialSmoothing(y.numpy(), initialization_method="estimated", seasonal="add", seasonal_periods=PERIOD)
    assert float(state.deviation) < 1.35 * math.sqrt(model.fit().sse / 12) + 0.02


def test_fitted_smoothing_has_no_seasons_of_one_year() -> None:
    y = torch.tensor([3.0, 2.0, 1.0, 2.5], dtype=torch.float64)
    assert bool((learners.FittedSmoothing(nn.Identity(), PERIOD).adapt(examples(y)).season == 0).all())


def test_weights_of_means_are_equal_from_a_number_of_examples_on() -> None:
    parts = [learners.ExponentialSmoothing(nn.Identity(), PERIOD), learners.FittedSmoothing(nn.Identity(), PERIOD)]
    learner = learners.AveragedForecasts(parts, equal_from=10).double()
    with torch.no_grad():
        learner.level[:, 0] = 50.0
        for count, share in ((9, 1.0), (10, 0.5)):
            y = wave(count)[:, None]
            weight = learner.adapt(Examples((y, y), y, ones(count))).weight
            torch.testing.assert_close(weight, torch.tensor([[share, 1 - share], [1.0, 0.0]], dtype=torch.float64))
