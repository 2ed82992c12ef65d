"""A report: what a judge found, never a bare number."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scipy.special import stdtr, stdtrit

from quickstudy.errors import ArtefactError
from quickstudy.files import write_whole

__all__ = ["Comparison", "Report", "interval_of"]


def interval_of(scores: list[float] | tuple[float, ...], level: float = 0.95) -> tuple[float, float]:
    """The t-interval of a mean over tasks, ``mean ± t · s / √n``; one task alone gives no interval (infinite).

    It speaks of new tasks drawn from the same classes (tasks are drawn with replacement from a finite set).

    >>> low, high = interval_of([0.0, 1.0] * 50)
    >>> round(low, 3), round(high, 3)
    (0.4, 0.6)
    """
    n, mean = len(scores), math.fsum(scores) / len(scores)
    if n < 2:
        return -math.inf, math.inf
    spread = math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / (n - 1) / n)
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * spread
    return mean - half, mean + half


@dataclass(frozen=True)
class Report:
    """Scores of one model on a list of tasks, and what one must know to compare them.

    Args:
        model: the learner's name.
        source: the tasks' name.
        metric: "accuracy" or "mse".
        higher_is_better: of the metric.
        scores: one score a task.
        digest: fingerprint of the task list; two reports compare only with the same.
        seed: of the task list.
        transductive: whether queries saw their neighbours.
        norm: the norm policy.
        seconds: median seconds to adapt to one task (its support set encoded, its state made).
        state_bytes: size of the state of one task; None where it is not known (a plain function).
        planned: length of the task list; more than there are scores where only the first tasks were judged. None: as many.
    """

    model: str
    source: str
    metric: str
    higher_is_better: bool
    scores: tuple[float, ...]
    digest: str
    seed: int
    transductive: bool
    norm: str
    seconds: float
    state_bytes: int | None
    planned: int | None = None

    @property
    def mean(self) -> float:
        return math.fsum(self.scores) / len(self.scores)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the mean over tasks (low, high)."""
        return interval_of(self.scores)

    def __str__(self) -> str:
        low, high = self.interval
        manner = "transductive" if self.transductive else "inductive"
        return (
            f"{self.model}: {self.metric} {self._words()} on {self._count(' of the ')} tasks of {self.source} "
            f"(95 % t-interval over tasks {self._show(low)} to {self._show(high)}; {manner}, norm {self.norm}; "
            f"{self.seconds * 1e3:.1f} ms and {self._size()} a task; task list {self.digest})"
        )

    def _show(self, value: float) -> str:
        return f"{value:.2%}" if self.metric == "accuracy" else f"{value:.4g}"

    def _words(self) -> str:
        half = (self.interval[1] - self.interval[0]) / 2
        if self.metric == "accuracy":
            return f"{self.mean * 100:.2f} ± {half * 100:.2f} %"
        return f"{self.mean:.4g} ± {half:.2g}"

    def _count(self, of: str) -> str:
        judged = len(self.scores)
        return f"{judged:,}" if self.planned in (None, judged) else f"the first {judged:,}{of}{self.planned:,}"

    def _size(self) -> str:
        return "unknown bytes" if self.state_bytes is None else f"{self.state_bytes:,} bytes"

    def row(self) -> dict[str, str]:
        """The report as cells of a table."""
        return {
            "model": self.model,
            self.metric: self._words(),
            "tasks": self._count(" of "),
            "manner": "transductive" if self.transductive else "inductive",
            "norm": self.norm,
            "ms a task": f"{self.seconds * 1e3:.1f}",
            "state": self._size(),
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, with mean and interval, as JSON."""
        return asdict(self) | {"mean": self.mean, "interval": list(self.interval), "interval_kind": "95 % t over tasks"}

    def save(self, path: str | Path) -> None:
        """Writes the report as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def load(cls, path: str | Path) -> "Report":
        """Reads what `save` wrote.

        Raises:
            ArtefactError: the file is no report.
        """
        try:
            found = json.loads(Path(path).read_text())
            return cls(**{name: found[name] for name in cls.__dataclass_fields__} | {"scores": tuple(found["scores"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{path} is not a report of quickstudy: {error}. Run quickstudy evaluate again.") from error


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two models over the same tasks, ``a − b``, with its interval and a paired t-test."""

    a: str
    b: str
    metric: str
    differences: tuple[float, ...]

    @property
    def difference(self) -> float:
        return math.fsum(self.differences) / len(self.differences)

    @property
    def interval(self) -> tuple[float, float]:
        return interval_of(self.differences)

    @property
    def p_value(self) -> float:
        """Two-sided p of the paired t-test; 1 where no task differs."""
        n, low = len(self.differences), self.interval[0]
        half = self.difference - low
        if n < 2 or half == 0:
            return 1.0 if n < 2 or self.difference == 0 else 0.0
        t = self.difference / (half / float(stdtrit(n - 1, 0.975)))
        return float(2 * stdtr(n - 1, -abs(t)))

    def __str__(self) -> str:
        scale, unit = (100, " points") if self.metric == "accuracy" else (1, "")
        low, high = (value * scale for value in self.interval)
        return (
            f"{self.a} − {self.b}: {self.difference * scale:+.2f}{unit} of {self.metric} on the same {len(self.differences)} "
            f"tasks (95 % paired interval {low:+.2f} to {high:+.2f}, p = {self.p_value:.2g})"
        )
