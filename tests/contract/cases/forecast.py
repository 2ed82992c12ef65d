"""Cases of the learners of series."""

import math
from functools import partial

import torch
from torch import nn

from contract.cases.ground import Case, built
from quickstudy import datasets, learners, tasks
from quickstudy.checks import Training
from quickstudy.learner import Learner

PERIOD = 4


def series(*, level: float = 0.0) -> tasks.TaskSource:  # type: ignore[type-arg]
    """Two or three years of quarters; levels, seasons and trends of each series are its own, and alike."""
    generator = torch.Generator().manual_seed(0)
    count, steps = 24, 24
    task, step = torch.arange(count).repeat_interleave(steps), torch.arange(steps).repeat(count).float()
    own = torch.randn(4, count, generator=generator)[:, task]
    turn = 2 * math.pi * step / PERIOD
    season = (0.5 + 0.2 * own[0]) * turn.sin() + (0.3 + 0.2 * own[1]) * turn.cos()
    y = level + 0.5 * own[2] + season + (0.03 + 0.02 * own[3]) * (step - 12) + 0.05 * torch.randn(len(task), generator=generator)
    table = datasets.Table(step[:, None], y[:, None], task, tuple(map(str, range(count))), time=step.double())
    return tasks.Forecasts(table, (8, 12), 4, step=1.0)


def attention() -> Learner[object]:
    return learners.AttentionForecaster(nn.Identity(), PERIOD, width=16, heads=2, dropout=0.0)


def smoothing() -> Learner[object]:
    return learners.ExponentialSmoothing(nn.Identity(), PERIOD, components=3)


def fitted() -> Learner[object]:
    return learners.FittedSmoothing(nn.Identity(), PERIOD)


def averaged() -> Learner[object]:
    return learners.AveragedForecasts([smoothing(), attention(), fitted()])


def scaled(*, log: bool) -> Learner[object]:
    return learners.OwnScale(smoothing(), log=log)


TRAINED = Training(steps=40, lr=0.02)

CASES: dict[str, Case] = {
    "ExponentialSmoothing": Case(partial(built, smoothing), series, TRAINED),
    "AttentionForecaster": Case(partial(built, attention), series, TRAINED),
    "FittedSmoothing": Case(partial(built, fitted), series),
    "AveragedForecasts": Case(partial(built, averaged), series, TRAINED),
    "OwnScale": Case(partial(built, partial(scaled, log=False)), partial(series, level=6.0), TRAINED),
    "OwnScale, log": Case(partial(built, partial(scaled, log=True)), partial(series, level=6.0), TRAINED),
}
