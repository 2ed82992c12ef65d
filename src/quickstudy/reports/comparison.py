"""The paired difference of two models: its interval, its tests, its power."""

import math
from dataclasses import dataclass

import numpy as np

from quickstudy.errors import TaskError
from quickstudy.reports.intervals import Apart, interval_over_tasks, intervals_of

__all__ = ["Comparison"]


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two models over the same tasks, ``a − b``, with its interval and a paired t-test."""

    a: str
    b: str
    metric: str
    differences: tuple[float, ...]
    classes: tuple[tuple[int, ...], ...] | None = None
    apart: Apart | None = None

    @property
    def difference(self) -> float:
        return math.fsum(self.differences) / len(self.differences)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the difference over tasks: for other tasks of the same classes."""
        return interval_over_tasks(self.differences)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the difference by what they refer to, as `Report.intervals`."""
        return intervals_of(self.differences, self.classes, self.apart)

    @property
    def sign_flip_p(self) -> float:
        """Two-sided p of the paired permutation test: how often random signs of the differences give so large a mean.

        It needs no normal distribution: under the null hypothesis a difference is as likely with the other sign. Of 9,999
        random flips, always the same; the smallest p is 0.0001.
        """
        observed = np.asarray(self.differences)
        signs = np.random.default_rng(0).integers(0, 2, (9_999, len(observed)), dtype=np.int8)
        means = (2.0 * (signs @ observed) - observed.sum()) / len(observed)
        return float((1 + (np.abs(means) >= abs(observed.mean()) - 1e-12).sum()) / 10_000)

    def tasks_to_see(self, difference: float, power: float = 0.8) -> int:
        """How many tasks a paired comparison at 5 % needs to see a true difference of that size with this probability.

            ``n = ((z_{0.975} + z_power) · s / d)²``, s the standard deviation of the paired differences

        >>> Comparison("A", "B", "accuracy", (0.1, -0.1) * 50).tasks_to_see(0.01)
        793
        """
        if not (difference and 0 < power < 1):
            raise TaskError(f"difference={difference} must not be 0, and power={power} must lie between 0 and 1.")
        from scipy.special import ndtri

        n = len(self.differences)
        spread = math.fsum((d - self.difference) ** 2 for d in self.differences) / max(n - 1, 1)
        return max(2, math.ceil((float(ndtri(0.975)) + float(ndtri(power))) ** 2 * spread / difference**2))

    @property
    def p_value(self) -> float:
        """Two-sided p of the paired t-test; 1 where no task differs."""
        n, low = len(self.differences), self.interval[0]
        half = self.difference - low
        if n < 2 or half == 0:
            return 1.0 if n < 2 or self.difference == 0 else 0.0
        from scipy.special import stdtr, stdtrit

        t = self.difference / (half / float(stdtrit(n - 1, 0.975)))
        return float(2 * stdtr(n - 1, -abs(t)))

    def __str__(self) -> str:
        scale, unit = (100, " points") if self.metric == "accuracy" else (1, "")
        low, high = (value * scale for value in self.interval)
        return (
            f"{self.a} − {self.b}: {self.difference * scale:+.2f}{unit} of {self.metric} on the same {len(self.differences)} "
            f"tasks (95 % paired interval {low:+.2f} to {high:+.2f}, p = {self.p_value:.2g})"
        )
