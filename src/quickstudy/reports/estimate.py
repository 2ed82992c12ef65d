"""A mean with its standard error, over tasks or over classes drawn anew: intervals and tests follow from it.

Source: Lafargue, Smith, Vermet, Lowe, Gripon & Duffner, 2024, Oops, I sampled it again: reinterpreting confidence intervals
in few-shot learning.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quickstudy.errors import TaskError

__all__ = ["Estimate", "estimate_over_classes", "estimate_over_tasks", "finite"]


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error, and the degrees of freedom of that error.

    Args:
        mean: of all tasks.
        error: standard error of the mean; infinite where one unit alone gives none.
        freedom: degrees of freedom, one less than there are units drawn anew (tasks or classes).

    >>> Estimate(0.5, 0.05, 99).p_value < 0.001, Estimate(0.0, 0.05, 99).p_value
    (True, 1.0)
    """

    mean: float
    error: float
    freedom: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """``mean ± t · error``."""
        if math.isinf(self.error):
            return -math.inf, math.inf
        from scipy.special import stdtrit  # late: a tenth of a second

        half = float(stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return self.mean - half, self.mean + half

    @property
    def p_value(self) -> float:
        """Two-sided p of the t-test that the mean is 0.

        Where all units agree, so that they show no spread, it is that of the sign-flip test, ``2^(1 − units)``: three equal
        differences are no proof.
        """
        if math.isinf(self.error) or self.mean == 0:
            return 1.0
        if self.error <= 1e-9 * abs(self.mean):
            return float(2.0**-self.freedom)
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, -abs(self.mean / self.error)))


def finite(scores: Sequence[float], what: str) -> None:
    """Refuses scores that are none, NaN or infinite.

    Raises:
        TaskError: it names the first such task and its score.
    """
    if not len(scores):
        raise TaskError(f"{what} has no scores. Evaluate at least one task.")
    for number, score in enumerate(scores):
        if not math.isfinite(score):
            raise TaskError(
                f"{what} has the score {score} for task {number} (the first is 0). Nothing can be compared with that: leave the "
                "model out, or find out why it diverges (a smaller learning rate, inputs on a common scale)."
            )


def estimate_over_tasks(scores: Sequence[float]) -> Estimate:
    """The mean with ``s / √n``: for other tasks drawn as these were. One task alone gives no error."""
    finite(scores, "the list")
    n, mean = len(scores), math.fsum(scores) / len(scores)
    if n < 2:
        return Estimate(mean, math.inf, 0)
    return Estimate(mean, math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / (n - 1) / n), n - 1)


def estimate_over_classes(scores: Sequence[float], classes: Sequence[Sequence[int]]) -> Estimate:
    """The mean with its error for classes drawn anew (open world): classes have effects, which tasks share.

        ``s_t = θ + Σ_{c in t} h_c + e_t``,    ``Var(mean) = ζ Σ_c (n_c / n)² + σ² / n``

    with n tasks, n_c of them with class c, and the variances ζ of h and σ² of e found by the method of moments from the
    centred scores ``r``: ``E‖r‖² = ζ tr G + σ² (n − 1)`` and ``E‖Zᵀr‖² = ζ ‖G‖² + σ² tr G``, where Z says which class is
    in which task and ``G = Zᵀ (I − 11ᵀ/n) Z``. A bootstrap over classes aims at the same interval, but counts the noise of
    a task once for each of its classes and the spread of classes too low where tasks take in many of them. There are as many
    degrees of freedom as classes, or tasks where these are fewer, less one. Neither the error nor the interval is ever smaller
    than that of `estimate_over_tasks`.

    Args:
        scores: of n tasks.
        classes: of each task, as numbers; negative ones are padding.

    Raises:
        TaskError: a score that is no finite number, or not one row of classes for each score.
    """
    finite(scores, "the list")
    if len(scores) != len(classes):
        raise TaskError(f"{len(scores)} scores came with the classes of {len(classes)} tasks. Give one row of classes for each.")
    s = np.asarray(scores, dtype=float)
    n, mean = len(s), float(s.mean())
    belongs = _membership(classes)
    among = belongs.shape[1]
    if n < 2 or among < 2:
        return Estimate(mean, math.inf, 0)
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
    return Estimate(mean, math.sqrt(max(variance, total / n)), min(among, n) - 1)


def _membership(classes: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Which class (K) is in which task (n): 1 or 0."""
    pairs = np.array([(task, c) for task, row in enumerate(classes) for c in row if c >= 0], dtype=int).reshape(-1, 2)
    names, column = np.unique(pairs[:, 1], return_inverse=True)
    found = np.zeros((len(classes), len(names)))
    found[pairs[:, 0], column] = 1
    return found
