"""Metrics as functions with a name, a direction, and whether the queries of all tasks are pooled."""

import math
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.metrics.predicted import Predicted, pool
from quickstudy.reports.intervals import interval_by_bootstrap
from quickstudy.reports.score import Score
from quickstudy.reports.worlds import Bounds, clipped

__all__ = ["Measure", "Metric", "Tally", "measure", "pooled"]

Metric = Callable[[Predicted, Tensor], Any]
"""From predictions for real queries and their targets (Q, …) to one number (a float or a scalar tensor); NaN: undefined."""


class Measure:
    """A metric with what one must know to read it; call it like the function it was made of.

    Args:
        metric: of the queries of one task, or of all tasks together.
        higher_is_better: None where neither way is.
        pooled: evaluated on the queries of all tasks together.
        bounds: the smallest and the largest value there can be; its intervals end there.
    """

    __name__: str

    def __init__(
        self,
        metric: Metric,
        *,
        higher_is_better: bool | None = True,
        pooled: bool = False,
        bounds: Bounds = (-math.inf, math.inf),
    ) -> None:
        update_wrapper(self, metric)  # takes all attributes of what it wraps, so ours come after
        self.metric, self.higher_is_better, self.pooled, self.bounds = metric, higher_is_better, pooled, bounds
        self.__name__ = getattr(metric, "__name__", type(metric).__name__)

    def __call__(self, predicted: Predicted, y: Tensor) -> float:
        """The metric of queries and their targets, padding left out."""
        return float(self.metric(predicted, y))

    def __repr__(self) -> str:
        return f"{self.__name__}{', pooled over tasks' if self.pooled else ''}"


def measure(*, higher_is_better: bool | None, bounds: Bounds = (-math.inf, math.inf)) -> Callable[[Metric], Measure]:
    """Makes a `Measure` of the function below it: a metric of a single task.

    >>> @measure(higher_is_better=False)
    ... def wrong(predicted, y):
    ...     return (predicted.classes != y.argmax(1)).float().mean()
    >>> from quickstudy.likelihood import Categorical
    >>> wrong, wrong(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    (wrong, 0.0)
    """
    return lambda metric: Measure(metric, higher_is_better=higher_is_better, bounds=bounds)


def pooled(metric: Metric) -> Measure:
    """The same metric of the queries of all tasks together, with an interval by bootstrap over tasks.

    For numbers that a handful of queries cannot give (a calibration error), or that shall weigh queries alike, not tasks.
    """
    if isinstance(metric, Measure):
        return Measure(metric, higher_is_better=metric.higher_is_better, pooled=True, bounds=metric.bounds)
    return Measure(metric, pooled=True)


class Tally:
    """Adds up metrics while tasks are evaluated.

    Args:
        metrics: functions; one that is no `Measure` is a metric of single tasks of which higher is better.

    Raises:
        LearnerError: two metrics of one name, or what is no function.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        metrics = [metrics] if callable(metrics) else list(metrics)
        if wrong := [m for m in metrics if not callable(m)]:
            raise LearnerError(f"{wrong[0]!r} is no metric. Give functions of quickstudy.metrics: metrics=(metrics.ece,).")
        self.metrics = [m if isinstance(m, Measure) else Measure(m) for m in metrics]
        names = [m.__name__ for m in self.metrics]
        if len(set(names)) < len(names):
            raise LearnerError(
                f"two of the metrics {', '.join(names)} have the same name. Give each once, and name your own functions."
            )
        self.each: list[list[float]] = [[] for _ in self.metrics]
        self.seen: list[tuple[Predicted, Tensor]] = []

    def add(self, predicted: Predicted, y: Tensor) -> None:
        """One more task."""
        for metric, scores in zip(self.metrics, self.each, strict=True):
            if not metric.pooled:
                scores.append(metric(predicted, y))
                if math.isinf(scores[-1]):
                    Score.of_tasks(metric.__name__, metric.higher_is_better, scores)  # refuses it now, not after all tasks
        if any(metric.pooled for metric in self.metrics):
            self.seen.append((predicted, y))

    def scores(self, world: str = "other tasks of the same source") -> tuple[Score, ...]:
        """The scores, with intervals for that world."""
        return tuple(
            self._of_all(metric, world)
            if metric.pooled
            else Score.of_tasks(metric.__name__, metric.higher_is_better, scores, metric.bounds, world)
            for metric, scores in zip(self.metrics, self.each, strict=True)
        )

    def _of_all(self, metric: Measure, world: str) -> Score:
        predicted, y = pool(self.seen)
        sizes = np.array([len(targets) for _, targets in self.seen])
        starts = sizes.cumsum() - sizes

        def of(tasks: NDArray[np.int64]) -> float:
            rows = torch.from_numpy(np.concatenate([np.arange(starts[t], starts[t] + sizes[t]) for t in tasks]))
            return metric(predicted[rows], y[rows])

        interval = clipped(interval_by_bootstrap(of, len(sizes)), metric.bounds)
        kind = f"95 % bootstrap over {len(sizes):,} tasks, their {len(y):,} queries pooled, for {world},"
        value = metric(predicted, y)
        if math.isinf(value):
            raise LearnerError(
                f"{metric!r} is {value}: the model is certain of a wrong answer. Return no standard deviation of exactly 0."
            )
        return Score(metric.__name__, metric.higher_is_better, value, interval, kind, bounds=metric.bounds)
