"""One more number about a model on a list of tasks, beside the metric its report is about."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from quickstudy.errors import TaskError
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.reports.worlds import Bounds, clipped

__all__ = ["Score"]


@dataclass(frozen=True)
class Score:
    """A metric of a list of tasks, with its 95 % interval.

    Args:
        metric: its name.
        higher_is_better: None where neither way is better (a coverage should be what it is named for).
        value: the mean over tasks, or the metric of all their queries together.
        interval: of the value, (low, high).
        kind: of the interval, in words.
        scores: one a task, NaN where the metric is undefined (a task without any positive query); empty where it is pooled.
        bounds: between which numbers the metric lies.

    >>> print(Score.of_tasks("log_loss", False, [0.25, 0.75, math.nan], (0.0, math.inf)))
    log_loss 0.5 (95 % t over 2 of 3 tasks, for other tasks of the same source, 0 to 3.677)
    """

    metric: str
    higher_is_better: bool | None
    value: float
    interval: tuple[float, float]
    kind: str
    scores: tuple[float, ...] = ()
    bounds: Bounds = (-math.inf, math.inf)

    @classmethod
    def of_tasks(
        cls,
        metric: str,
        higher_is_better: bool | None,
        scores: Sequence[float],
        bounds: Bounds = (-math.inf, math.inf),
        world: str = "other tasks of the same source",
    ) -> "Score":
        """The mean over the tasks for which the metric is defined (not NaN); ``world``: what its interval holds for.

        Raises:
            TaskError: an infinite score: its mean says nothing of the other tasks.
        """
        for number, score in enumerate(scores):
            if math.isinf(score):
                raise TaskError(
                    f"{metric} is {score} for task {number} (the first is 0), so its mean says nothing of the other tasks. Let "
                    "the model give no probability or deviation of exactly 0, or use another metric."
                )
        known = [score for score in scores if not math.isnan(score)]
        value = math.fsum(known) / len(known) if known else math.nan
        interval = clipped(interval_over_tasks(known), bounds) if known else (-math.inf, math.inf)
        count = f"{len(scores):,}" if len(known) == len(scores) else f"{len(known):,} of {len(scores):,}"
        kind = f"95 % t over {count} tasks, for {world},"
        return cls(metric, higher_is_better, value, interval, kind, tuple(scores), bounds)

    @property
    def pooled(self) -> bool:
        """Whether the queries of all tasks were evaluated together, so that there is no number of each task."""
        return not self.scores

    def __str__(self) -> str:
        return f"{self.metric} {self.value:.4g} ({self.kind} {self.interval[0]:.4g} to {self.interval[1]:.4g})"

    def row(self) -> dict[str, str]:
        """The score as cells of a table."""
        low, high = self.interval
        better = {True: "higher", False: "lower", None: ""}[self.higher_is_better]
        return {
            "metric": self.metric,
            "value": f"{self.value:.4f}",
            "95 % interval": f"{low:.4f} to {high:.4f}",
            "better": better,
            "of": self.kind.removeprefix("95 % ").rstrip(","),
        }

    def to_json(self) -> dict[str, Any]:
        """The record as JSON; NaN, and infinite bounds, are null."""
        numbers = {"value": _number(self.value), "interval": [_number(bound) for bound in self.interval]}
        lists = {"scores": [_number(score) for score in self.scores], "bounds": [_number(bound) for bound in self.bounds]}
        return asdict(self) | numbers | lists

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Score":
        """From what `to_json` made of the record, or an earlier version.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        better, scores = found["higher_is_better"], tuple(_float(score) for score in found["scores"])
        value, interval, bounds = (_float(found["value"]), _bounds(found["interval"]), _bounds(found.get("bounds", (None, None))))
        return cls(str(found["metric"]), better, value, interval, str(found["kind"]), scores, bounds)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _bounds(found: Sequence[Any]) -> tuple[float, float]:
    low, high = found
    return -math.inf if low is None else float(low), math.inf if high is None else float(high)
