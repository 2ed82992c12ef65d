"""The paired difference of two models: for each world its interval and its test; its power."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from quickstudy.errors import TaskError
from quickstudy.reports.estimate import Estimate, finite
from quickstudy.reports.words import difference, is_share
from quickstudy.reports.worlds import Apart, Bounds, World, clipped, estimates_of, in_words, shared_by

__all__ = ["LEVEL", "Comparison"]

LEVEL = 0.05
"""A model is called better where the p-value of its world is below."""


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two models over the same tasks, ``a − b``, with an interval and a test for each world.

    Tasks of one list share classes. An interval over tasks therefore holds for other tasks of the same classes (closed world):
    where classes are drawn anew, its test finds a difference where there is none in more than half of all cases. The interval
    over classes holds for new classes (open world). See `quickstudy.reports.worlds`.

    Args:
        a, b: names of the models.
        metric: that was measured.
        higher_is_better: of the metric.
        differences: one a task.
        classes: of each task, where they are known.
        apart: what no two tasks share.
        bounds: of the metric.
        units: what ``classes`` are, where they are no classes.

    Raises:
        TaskError: no differences, or one that is no finite number.
    """

    a: str
    b: str
    metric: str
    higher_is_better: bool
    differences: tuple[float, ...]
    classes: tuple[tuple[int, ...], ...] | None = None
    apart: Apart | None = None
    bounds: Bounds = (-math.inf, math.inf)
    units: str = ""

    def __post_init__(self) -> None:
        finite(self.differences, f"the difference of {self.a} and {self.b}")

    @cached_property
    def estimates(self) -> dict[World, Estimate]:
        """The mean difference with its standard error, for each world that these tasks allow a statement about."""
        return estimates_of(self.differences, self.classes, self.apart)

    @property
    def difference(self) -> float:
        return math.fsum(self.differences) / len(self.differences)

    @property
    def intervals(self) -> dict[World, tuple[float, float]]:
        """95 % intervals of the difference by world, as `Report.intervals`."""
        most = self.bounds[1] - self.bounds[0]
        return {world: clipped(found.interval(), (-most, most)) for world, found in self.estimates.items()}

    @property
    def p_values(self) -> dict[World, float]:
        """Two-sided p of the t-test that there is no difference, by world; over classes, with class effects (clustered)."""
        return {world: found.p_value for world, found in self.estimates.items()}

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the difference over tasks: for other tasks of the same classes (closed world)."""
        return next(iter(self.intervals.values()))

    @property
    def p_value(self) -> float:
        """Two-sided p of the paired t-test over tasks: for other tasks of the same classes (closed world)."""
        return next(iter(self.p_values.values()))

    @cached_property
    def sign_flip_p(self) -> float:
        """Two-sided p of the paired permutation test over tasks: for other tasks of the same classes (closed world).

        How often random signs of the differences give so large a mean. It needs no normal distribution: under the null hypothesis
        a difference is as likely with the other sign. Of 9,999 random flips, always the same; the smallest p is 0.0001.
        """
        observed = np.asarray(self.differences)
        signs = np.random.default_rng(0).integers(0, 2, (9_999, len(observed)), dtype=np.int8)
        means = (2.0 * (signs @ observed) - observed.sum()) / len(observed)
        slack = 1e-9 * float(np.abs(observed).mean())
        return float((1 + (np.abs(means) >= abs(observed.mean()) - slack).sum()) / 10_000)

    def better(self, world: World) -> str | None:
        """The name of the better model where the test of that world rejects at 5 %; None where it does not.

        >>> pair = Comparison("A", "B", "mse", False, (-0.2, -0.3, -0.25, -0.25))
        >>> pair.better("tasks"), Comparison("A", "B", "mse", False, (0.2, -0.2)).better("tasks")
        ('A', None)
        """
        if self.p_values[world] >= LEVEL:
            return None
        return self.a if (self.difference > 0) == self.higher_is_better else self.b

    def for_world(self, world: World) -> str:
        """The world in words: what follows "for"."""
        return in_words(world, shared_by(self.classes, self.units))

    def tasks_to_see(self, difference: float, power: float = 0.8) -> int:
        """How many tasks a paired comparison at 5 % needs to see a true difference of that size with this probability.

            ``n = ((z_{0.975} + z_power) · s / d)²``, s the standard deviation of the paired differences

        Closed world: it holds for other tasks of the same classes. For new classes more classes are needed, not more tasks.

        >>> Comparison("A", "B", "accuracy", True, (0.1, -0.1) * 50).tasks_to_see(0.01)
        793
        """
        if not (difference and math.isfinite(difference) and 0 < power < 1):
            raise TaskError(f"difference={difference} must not be 0, and power={power} must lie between 0 and 1.")
        from scipy.special import ndtri

        n = len(self.differences)
        spread = math.fsum((d - self.difference) ** 2 for d in self.differences) / max(n - 1, 1)
        return max(2, math.ceil((float(ndtri(0.975)) + float(ndtri(power))) ** 2 * spread / difference**2))

    def __str__(self) -> str:
        unit = " points" if is_share(self.metric) else ""
        count = f"{len(self.differences):,} task" + ("s" if len(self.differences) > 1 else "")
        size = f"{self.a} − {self.b}: {difference(self.difference, self.metric)}{unit} of {self.metric} on the same {count}."
        return (
            " ".join([size, *(f"For {self.for_world(world)}: {self._finding(world)}." for world in self.estimates)])
            + self.unsaid()
        )

    def _finding(self, world: World) -> str:
        better = self.better(world)
        low, high = self.intervals[world]
        if math.isinf(low):
            return "nothing can be said (one unit gives no interval)"
        verdict = f"{better} is better" if better else "not told apart"
        bounds = f"{difference(low, self.metric)} to {difference(high, self.metric)}"
        return f"{verdict} (95 % paired interval {bounds}, p = {self.p_values[world]:.2g})"

    def unsaid(self) -> str:
        """Accuracies whose classes are not on record allow no statement about new classes, and the comparison says so."""
        if self.metric != "accuracy" or self.classes is not None or self.apart is not None:
            return ""
        return " Nothing is said about new classes: the reports do not record the classes of each task."

    def to_json(self) -> dict[str, Any]:
        """Names, the difference, and for each world its interval, p-value and the better model (null: not told apart)."""
        worlds = {
            world: {
                "holds_for": self.for_world(world),
                "interval": [bound if math.isfinite(bound) else None for bound in self.intervals[world]],
                "p_value": self.p_values[world],
                "better": self.better(world),
            }
            for world in self.estimates
        }
        return {
            "a": self.a,
            "b": self.b,
            "metric": self.metric,
            "difference": self.difference,
            "tasks": len(self.differences),
            "worlds": worlds,
        }
