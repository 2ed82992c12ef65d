"""Intervals of a mean score, by what is drawn anew when the experiment is repeated: tasks, classes, or training runs."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from quickstudy.borders.arguments import number, whole
from quickstudy.errors import TaskError
from quickstudy.reports.estimate import Estimate, estimate_over_classes, estimate_over_tasks

__all__ = ["interval_by_bootstrap", "interval_of_share", "interval_over_classes", "interval_over_runs", "interval_over_tasks"]


def interval_over_tasks(scores: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The t-interval of a mean over tasks, ``mean ± t · s / √n``; one task alone gives no interval (infinite).

    It holds for other tasks drawn from the same classes (closed world), or for other classes if no two tasks share one.

    Raises:
        TaskError: no scores, or one that is NaN or infinite.

    >>> low, high = interval_over_tasks([0.0, 1.0] * 50)
    >>> round(low, 3), round(high, 3)
    (0.4, 0.6)
    """
    return estimate_over_tasks(scores).interval(level)


def interval_over_classes(scores: Sequence[float], classes: Sequence[Sequence[int]], level: float = 0.95) -> tuple[float, float]:
    """The interval of a mean for classes drawn anew (open world), see `quickstudy.reports.estimate.estimate_over_classes`.

    Args:
        scores: of n tasks.
        classes: of each task, as numbers; negative ones are padding.
        level: of the interval.

    Raises:
        TaskError: as `interval_over_tasks`, or not one row of classes for each score.

    >>> low, high = interval_over_classes([0.9, 0.8, 0.7, 1.0], [[0, 1], [2, 3], [4, 5], [6, 7]])
    >>> bool(low < 0.85 < high)
    True
    """
    return estimate_over_classes(scores, classes).interval(level)


def interval_over_runs(means: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The t-interval of a mean over training runs (seeds), given each run's mean score: it refers to another training.

    >>> interval_over_runs([0.95, 0.97])[0] < 0.96
    True
    """
    return interval_over_tasks(means, level)


def interval_of_share(share: float, count: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson interval of a share of ``count`` independent examples: all right of 20 leaves room below 1.

        ``(p + z²/2n ± z √(p (1 − p) / n + z² / 4n²)) / (1 + z²/n)``

    Source: Wilson, 1927, Probable inference, the law of succession, and statistical inference.

    Args:
        share: p, from 0 to 1.
        count: n.
        level: of the interval.

    Raises:
        TaskError: no example, or no share.

    >>> [round(bound, 4) for bound in interval_of_share(1.0, 20)]
    [0.8389, 1.0]
    """
    whole(TaskError, count=count)
    number(TaskError, 0, 1, share=share)
    z = NormalDist().inv_cdf(0.5 + level / 2)
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low, high = ((middle + sign * half) / (1 + z * z / count) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def interval_by_bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], tasks: int, *, resamples: int = 200, level: float = 0.95
) -> tuple[float, float]:
    """The interval of a number that is no mean over tasks, from its spread when whole tasks are drawn again.

        ``f(all tasks) ± t · sd(f(tasks drawn with replacement))``

    Not the percentiles of the draws: where ``f`` is biased by chance (a calibration error is never negative), they are biased
    twice. Always the same draws. Like `interval_over_tasks` it refers to other tasks of the same classes.

    Source: Efron & Tibshirani, 1993, An introduction to the bootstrap, chapter 6.

    Args:
        statistic: the number, given the tasks' places (n,), repetitions included.
        tasks: how many there are; one task alone gives no interval.
        resamples: how often tasks are drawn again.

    >>> scores = np.array([0.0, 1.0] * 50)
    >>> low, high = interval_by_bootstrap(lambda places: float(scores[places].mean()), 100)
    >>> bool(0.38 < low < 0.42 and 0.58 < high < 0.62)
    True
    """
    if tasks < 2:
        return -math.inf, math.inf
    draws = np.random.default_rng(0).integers(0, tasks, (resamples, tasks))
    found = np.array([statistic(places) for places in draws])
    found = found[np.isfinite(found)]
    if len(found) < resamples / 2:
        return -math.inf, math.inf
    return Estimate(statistic(np.arange(tasks)), float(found.std(ddof=1)), tasks - 1).interval(level)
