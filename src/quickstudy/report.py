"""A report: what a judge found, never a bare number."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from quickstudy.errors import ArtefactError, TaskError
from quickstudy.files import write_whole
from quickstudy.intervals import interval_over_classes, interval_over_tasks

__all__ = ["Comparison", "Report"]


def _intervals(scores: tuple[float, ...], classes: tuple[tuple[int, ...], ...] | None) -> dict[str, tuple[float, float]]:
    found = {"tasks": interval_over_tasks(scores)}
    return found if classes is None else found | {"classes": interval_over_classes(scores, classes[: len(scores)])}


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
        classes: which classes each task has, as numbers of the data set (-1: none), where tasks are made of classes.
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
    classes: tuple[tuple[int, ...], ...] | None = None

    @property
    def mean(self) -> float:
        return math.fsum(self.scores) / len(self.scores)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the mean over tasks (low, high): for other tasks of the same classes."""
        return interval_over_tasks(self.scores)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the mean by what they speak of: other "tasks" of the same classes, or other "classes"."""
        return _intervals(self.scores, self.classes)

    def __str__(self) -> str:
        low, high = self.interval
        manner = "transductive" if self.transductive else "inductive"
        return (
            f"{self.model}: {self.metric} {self._words()} on {self._count(' of the ')} tasks of {self.source} "
            f"(95 % t-interval over tasks {self._show(low)} to {self._show(high)}{self._open()}; {manner}, norm {self.norm}; "
            f"{self.seconds * 1e3:.1f} ms and {self._size()} a task; task list {self.digest})"
        )

    def _show(self, value: float) -> str:
        return f"{value:.2%}" if self.metric == "accuracy" else f"{value:.4g}"

    def _open(self) -> str:
        found = self.intervals.get("classes")
        return f", for new classes {self._show(found[0])} to {self._show(found[1])}" if found else ""

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
        """Everything, with mean and intervals, as JSON."""
        kinds = {"interval": list(self.interval), "interval_kind": "95 % t over tasks", "intervals": self.intervals}
        return asdict(self) | {"mean": self.mean} | kinds

    def save(self, path: str | Path) -> None:
        """Writes the report as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Report":
        """The inverse of `to_json`; a report without classes, of an earlier version, is read as well.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        known = {name: found[name] for name in cls.__dataclass_fields__ if name != "classes"}
        rows = found.get("classes")
        classes = None if rows is None else tuple(tuple(map(int, row)) for row in rows)
        return cls(**known | {"scores": tuple(found["scores"]), "classes": classes})

    @classmethod
    def load(cls, path: str | Path) -> "Report":
        """Reads what `save` wrote.

        Raises:
            ArtefactError: the file is no report.
        """
        try:
            return cls.from_json(json.loads(Path(path).read_text()))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{path} is not a report of quickstudy: {error}. Run quickstudy evaluate again.") from error


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two models over the same tasks, ``a − b``, with its interval and a paired t-test."""

    a: str
    b: str
    metric: str
    differences: tuple[float, ...]
    classes: tuple[tuple[int, ...], ...] | None = None

    @property
    def difference(self) -> float:
        return math.fsum(self.differences) / len(self.differences)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the difference over tasks: for other tasks of the same classes."""
        return interval_over_tasks(self.differences)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the difference for other "tasks" of the same classes, and for other "classes"."""
        return _intervals(self.differences, self.classes)

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
        t = self.difference / (half / float(stdtrit(n - 1, 0.975)))
        return float(2 * stdtr(n - 1, -abs(t)))

    def __str__(self) -> str:
        scale, unit = (100, " points") if self.metric == "accuracy" else (1, "")
        low, high = (value * scale for value in self.interval)
        return (
            f"{self.a} − {self.b}: {self.difference * scale:+.2f}{unit} of {self.metric} on the same {len(self.differences)} "
            f"tasks (95 % paired interval {low:+.2f} to {high:+.2f}, p = {self.p_value:.2g})"
        )
