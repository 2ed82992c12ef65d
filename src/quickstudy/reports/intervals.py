"""Intervals of a mean score, by what is drawn anew when the experiment is repeated: tasks, classes, or training runs.

A task list drawn with replacement from a finite set of classes can be made as long as one likes; its t-interval then shrinks
to nothing, while other classes would still give another mean. Each interval here says what it refers to.

Source: Lafargue, Smith, Vermet, Lowe, Gripon & Duffner, 2024, Oops, I sampled it again: reinterpreting confidence intervals
in few-shot learning.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Apart", "interval_by_bootstrap", "interval_over_classes", "interval_over_runs", "interval_over_tasks", "intervals_of"]


Apart = Literal["classes", "rows"]
"""What no two tasks of a list share, if they were drawn so."""


def interval_over_tasks(scores: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The t-interval of a mean over tasks, ``mean ± t · s / √n``; one task alone gives no interval (infinite).

    It refers to other tasks drawn from the same classes (closed world), or of other classes if no two tasks share one.

    >>> low, high = interval_over_tasks([0.0, 1.0] * 50)
    >>> round(low, 3), round(high, 3)
    (0.4, 0.6)
    """
    n, mean = len(scores), math.fsum(scores) / len(scores)
    if n < 2:
        return -math.inf, math.inf
    return _around(mean, math.fsum((s - mean) ** 2 for s in scores) / (n - 1) / n, n - 1, level)


def interval_over_classes(scores: Sequence[float], classes: Sequence[Sequence[int]], level: float = 0.95) -> tuple[float, float]:
    """The interval of the mean for classes drawn anew (open world): classes have effects, which tasks share.

        ``s_t = θ + Σ_{c in t} h_c + e_t``,    ``Var(mean) = ζ Σ_c (n_c / n)² + σ² / n``

    with n tasks, n_c of them with class c, and the variances ζ of h and σ² of e found by the method of moments from the
    centred scores ``r``: ``E‖r‖² = ζ tr G + σ² (n − 1)`` and ``E‖Zᵀr‖² = ζ ‖G‖² + σ² tr G``, where Z tells which class is
    in which task and ``G = Zᵀ (I − 11ᵀ/n) Z``. A bootstrap over classes aims at the same interval, but counts the noise of
    a task once for each of its classes and the spread of classes too low where tasks take in many of them. The t quantile has
    as many degrees of freedom as there are classes, less one. Never narrower than `interval_over_tasks`.

    Args:
        scores: of n tasks.
        classes: of each task, as numbers; negative ones are padding.

    >>> low, high = interval_over_classes([0.9, 0.8, 0.7, 1.0], [[0, 1], [2, 3], [4, 5], [6, 7]])
    >>> bool(low < 0.85 < high)
    True
    """
    s = np.asarray(scores, dtype=float)
    n, mean = len(s), float(s.mean())
    belongs = _membership(classes)
    among = belongs.shape[1]
    if n < 2 or among < 2:
        return -math.inf, math.inf
    rest, total = s - mean, float(s.var(ddof=1))
    centred = belongs - belongs.mean(0)
    overlap = centred.T @ centred
    size, square = float(np.trace(overlap)), float((overlap**2).sum())
    determinant = (n - 1) * square - size**2
    effects = 0.0
    if determinant > 1e-9 * size**2:
        among_classes = float(((centred.T @ rest) ** 2).sum())
        effects = max(((n - 1) * among_classes - size * (n - 1) * total) / determinant, 0.0)
    noise = max(total - effects * size / (n - 1), 0.0)
    variance = effects * float((belongs.mean(0) ** 2).sum()) + noise / n
    return _around(mean, max(variance, total / n), among - 1, level)


def interval_over_runs(means: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The t-interval of a mean over training runs (seeds), given each run's mean score: it refers to another training.

    >>> interval_over_runs([0.95, 0.97])[0] < 0.96
    True
    """
    return interval_over_tasks(means, level)


def intervals_of(
    scores: tuple[float, ...], classes: tuple[tuple[int, ...], ...] | None, apart: Apart | None
) -> dict[str, tuple[float, float]]:
    """All 95 % intervals of a mean that these tasks allow, by population, see `quickstudy.reports.report.Report.intervals`."""
    over_tasks = interval_over_tasks(scores)
    if apart == "classes":  # then the tasks themselves are drawn anew with the classes
        return {"disjoint tasks": over_tasks}
    found = {"tasks" if apart is None else "disjoint rows": over_tasks}
    return found if classes is None else found | {"classes": interval_over_classes(scores, classes[: len(scores)])}


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
    return _around(statistic(np.arange(tasks)), float(found.var(ddof=1)), tasks - 1, level)


def _membership(classes: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Which class (K) is in which task (n): 1 or 0."""
    pairs = [(task, c) for task, row in enumerate(classes) for c in row if c >= 0]
    task, c = (np.array(column, dtype=int) for column in zip(*pairs, strict=True))
    names, column = np.unique(c, return_inverse=True)
    found = np.zeros((len(classes), len(names)))
    found[task, column] = 1
    return found


def _around(mean: float, variance: float, freedom: int, level: float) -> tuple[float, float]:
    from scipy.special import stdtrit  # late: a tenth of a second

    half = float(stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(variance)
    return mean - half, mean + half
