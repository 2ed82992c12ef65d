"""A report: the result of an evaluation, with its intervals."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quickstudy.errors import ArtefactError, TaskError
from quickstudy.reports.by_class import ByClass
from quickstudy.reports.estimate import finite
from quickstudy.reports.intervals import interval_by_bootstrap
from quickstudy.reports.score import Score
from quickstudy.reports.words import amount, between, plus_minus
from quickstudy.reports.worlds import Apart, Bounds, World, bounds_of, clipped, estimates_of, in_words, shared_by
from quickstudy.storage.files import read_json, write_whole

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """Scores of one model on a list of tasks, with what is needed to compare them.

    Args:
        model: the learner's name.
        source: the tasks' name.
        metric: "accuracy" (a share, printed in percent), "mse" or another one.
        higher_is_better: of the metric.
        scores: one score a task, finite numbers.
        digest: fingerprint of the task list; two reports compare only with the same.
        seed: of the task list.
        transductive: whether queries saw their neighbours.
        norm: the norm policy.
        seconds: median seconds to adapt to one task (its support set encoded, its state made).
        state_bytes: size of the state of one task; None where it is not known (a plain function).
        planned: length of the task list; more than there are scores where only the first tasks were evaluated. None: as many.
        classes: which classes each task has, as numbers of the data set (-1: none), where tasks are made of classes.
        apart: what no two tasks share, where they were drawn so (`tasks.DisjointClasses`, `tasks.DisjointRows`).
        others: more metrics of the same tasks, each with its interval.
        by_class: accuracy by class and confusions, where classes have names.
        limits: the smallest and the largest score there can be; None: those of the metric, where its name is one of ours.
        units: what ``classes`` are where they are no classes: "patients", "assays"; intervals for new ones say so.

    Raises:
        TaskError: no scores, a score that is NaN, infinite or outside of its limits, or fewer rows of classes than scores.
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
    apart: Apart | None = None
    others: tuple[Score, ...] = ()
    by_class: ByClass | None = None
    limits: Bounds | None = None
    units: str = ""

    def __post_init__(self) -> None:
        finite(self.scores, f"the report on {self.model}")
        low, high = self.bounds
        outside = [number for number, score in enumerate(self.scores) if not low - 1e-6 <= score <= high + 1e-6]
        if outside:
            raise TaskError(
                f"{self.model} has the {self.metric} {self.scores[outside[0]]:.6g} for task {outside[0]} (the first is 0), but "
                f"{self.metric} lies between {low:g} and {high:g}. Give shares, not percent, or the metric a name of its own."
            )
        if self.classes is not None and len(self.classes) < len(self.scores):
            raise TaskError(
                f"{len(self.scores)} scores came with the classes of {len(self.classes)} tasks. Give one row for each."
            )

    @property
    def bounds(self) -> Bounds:
        """The smallest and the largest score there can be."""
        return bounds_of(self.metric) if self.limits is None else self.limits

    @property
    def mean(self) -> float:
        return math.fsum(self.scores) / len(self.scores)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the mean over tasks (low, high): for other tasks of the same classes (closed world)."""
        return next(iter(self.intervals.values()))

    @property
    def intervals(self) -> dict[World, tuple[float, float]]:
        """95 % intervals of the mean by what they hold for: other "tasks" of the same classes, or other "classes".

        Of "disjoint tasks", which share no class, one interval holds for both; that of "disjoint rows" holds for other
        examples of the same classes. An interval ends where scores end, an accuracy's at 0 and 1: what is cut off could not hold
        the mean, so that the interval covers as often as before.
        """
        found = estimates_of(self.scores, self.classes, self.apart)
        return {world: clipped(estimate.interval(), self.bounds) for world, estimate in found.items()}

    @property
    def worst_decile(self) -> Score:
        """The mean over the worst decile of the tasks (at least one): the score to expect on unlucky tasks."""
        ordered = np.asarray(self.scores) * (1 if self.higher_is_better else -1)
        count = max(1, len(ordered) // 10)

        def worst(places: NDArray[np.int64]) -> float:
            found = float(np.partition(ordered[places], count - 1)[:count].mean())
            return found if self.higher_is_better else -found

        name = f"{self.metric}, worst decile of tasks"
        value = worst(np.arange(len(ordered)))
        interval = clipped(interval_by_bootstrap(worst, len(ordered)), self.bounds)
        kind = f"95 % bootstrap over {len(ordered):,} tasks, for {self._closed},"
        return Score(name, self.higher_is_better, value, interval, kind, bounds=self.bounds)

    def other(self, metric: str) -> Score:
        """One of the other metrics, by its name.

        Raises:
            TaskError: it was not measured.
        """
        for score in self.others:
            if score.metric == metric:
                return score
        known = ", ".join(score.metric for score in self.others) or "none but the main one"
        raise TaskError(f"{self.model}'s report has no {metric}; it has {known}. Evaluate again with metrics=(…,).")

    def by(self, metric: str) -> "Report":
        """The same report with another of its metrics for its main one: to compare, to rank, to draw.

        Raises:
            TaskError: it was not measured, has no number for each task, or neither way of it is better.
        """
        score = self.other(metric)
        if score.pooled or score.higher_is_better is None or not all(map(math.isfinite, score.scores)):
            raise TaskError(f"{metric} gives no number to be compared for each task. Compare a metric of single tasks.")
        better, bounds = score.higher_is_better, score.bounds
        return replace(self, metric=metric, higher_is_better=better, scores=score.scores, others=(), limits=bounds, by_class=None)

    def first(self, tasks: int) -> "Report":
        """The report on the first tasks of the list alone, other metrics left out: to rank beside models evaluated on as many.

        Raises:
            TaskError: there are not so many.
        """
        if not 1 <= tasks <= len(self.scores):
            raise TaskError(f"tasks={tasks} must lie between 1 and {len(self.scores)}, the number of scores of {self.model}.")
        planned = len(self.scores) if self.planned is None else self.planned
        return replace(self, scores=self.scores[:tasks], planned=planned, others=(), by_class=None)

    def __str__(self) -> str:
        setting = "transductive" if self.transductive else "inductive"
        worlds = ", ".join(
            f"for {self.for_world(world)} {between(found, self.metric)}" for world, found in self.intervals.items()
        )
        mean = amount(self.mean, self.metric)
        return (
            f"{self.model}: {self.metric} {mean} on {self._count(' of the ')} task{self._s} of "
            f"{self.source} (95 % t-interval {worlds}; {setting}, norm {self.norm}; "
            f"{self.seconds * 1e3:.1f} ms and {self._size()} a task; task list {self.digest})"
        )

    def for_world(self, world: World) -> str:
        """The world of an interval in words: what follows "for"."""
        return in_words(world, shared_by(self.classes, self.units))

    @property
    def _s(self) -> str:
        return "" if len(self.scores) == 1 and self.planned in (None, 1) else "s"

    @property
    def _closed(self) -> str:
        """The world of `interval` in words."""
        return self.for_world(next(iter(self.intervals)))

    def _kind(self) -> str:
        return f"95 % t-interval for {self._closed}"

    def _count(self, of: str) -> str:
        evaluated = len(self.scores)
        return f"{evaluated:,}" if self.planned in (None, evaluated) else f"the first {evaluated:,}{of}{self.planned:,}"

    def _size(self) -> str:
        return "unknown bytes" if self.state_bytes is None else f"{self.state_bytes:,} bytes"

    def row(self) -> dict[str, str]:
        """The report as cells of a table; ± is the 95 % interval over tasks, `note` says what it holds for."""
        worlds = self.intervals
        return {
            "model": self.model,
            self.metric: plus_minus(self.mean, self.interval, self.metric),
            **({self.for_world("classes"): between(worlds["classes"], self.metric)} if "classes" in worlds else {}),
            "tasks": self._count(" of "),
            "setting": "transductive" if self.transductive else "inductive",
            "norm": self.norm,
            "ms a task": f"{self.seconds * 1e3:.1f}",
            "state": self._size(),
        }

    @property
    def note(self) -> str:
        """What the intervals in a table of `row` hold for."""
        worlds = list(self.intervals)
        more = f"; “{self.for_world('classes')}” is the interval for those" if "classes" in worlds else ""
        return f"± is the 95 % t-interval of the mean for {self._closed}{more}."

    def to_json(self) -> dict[str, Any]:
        """Everything, with mean and intervals, as JSON; NaN, and an infinite bound of an interval, are null."""
        intervals = {world: _numbers(found) for world, found in self.intervals.items()}
        kinds = {"interval": _numbers(self.interval), "interval_kind": self._kind(), "intervals": intervals}
        limits = None if self.limits is None else _numbers(self.limits)
        others = [score.to_json() for score in self.others]
        return asdict(self) | {"others": others, "mean": self.mean, "limits": limits} | kinds

    def save(self, path: str | Path) -> None:
        """Writes the report as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Report":
        """The inverse of `to_json`; a report of an earlier version, which holds less, is read as well.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        later = {"classes", "apart", "others", "by_class", "limits", "units"}
        known = {name: found[name] for name in cls.__dataclass_fields__ if name not in later}
        rows = found.get("classes")
        classes = None if rows is None else tuple(tuple(map(int, row)) for row in rows)
        others = tuple(Score.from_json(score) for score in found.get("others", ()))
        low, high = found.get("limits") or (None, None)
        limits = (-math.inf if low is None else low, math.inf if high is None else high) if found.get("limits") else None
        given = {
            "scores": tuple(found["scores"]),
            "classes": classes,
            "apart": found.get("apart"),
            "others": others,
            "units": str(found.get("units", "")),
        }
        by_class = None if found.get("by_class") is None else ByClass.from_json(found["by_class"])
        return cls(**known | given, limits=limits, by_class=by_class)

    @classmethod
    def load(cls, path: str | Path) -> "Report":
        """Reads what `save` wrote.

        Raises:
            ArtefactError: the file is no report.
        """
        try:
            return cls.from_json(read_json(Path(path)))
        except (OSError, ArithmeticError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{path} is not a report of quickstudy: {error}. Run quickstudy evaluate again.") from error


def _numbers(interval: tuple[float, float]) -> list[float | None]:
    """Bounds as JSON has them: null where there is none."""
    return [bound if math.isfinite(bound) else None for bound in interval]
