"""One more number about a model on a list of tasks, beside the metric its report is about."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quickstudy.reports.intervals import interval_over_tasks

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
        scores: one a task, NaN where the metric says nothing (a task without any positive query); empty where it is pooled.

    >>> print(Score.of_tasks("log_loss", False, [0.25, 0.75, math.nan]))
    log_loss 0.5 (95 % t over 2 of 3 tasks -2.677 to 3.677)
    """

    metric: str
    higher_is_better: bool | None
    value: float
    interval: tuple[float, float]
    kind: str
    scores: tuple[float, ...] = ()

    @classmethod
    def of_tasks(cls, metric: str, higher_is_better: bool | None, scores: Sequence[float]) -> "Score":
        """The mean over the tasks for which the metric says something."""
        known = [score for score in scores if math.isfinite(score)]
        value = math.fsum(known) / len(known) if known else math.nan
        interval = interval_over_tasks(known) if known else (-math.inf, math.inf)
        count = f"{len(scores):,}" if len(known) == len(scores) else f"{len(known):,} of {len(scores):,}"
        return cls(metric, higher_is_better, value, interval, f"95 % t over {count} tasks", tuple(scores))

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
            "of": self.kind.removeprefix("95 % "),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Score":
        """From what JSON makes of the record; null is NaN.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        better, (low, high) = found["higher_is_better"], found["interval"]
        scores = tuple(math.nan if score is None else float(score) for score in found["scores"])
        return cls(str(found["metric"]), better, float(found["value"]), (float(low), float(high)), str(found["kind"]), scores)
