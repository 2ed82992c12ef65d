"""A report: what an evaluation found, never a bare number."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quickstudy.errors import ArtefactError, TaskError
from quickstudy.reports.intervals import Apart, interval_by_bootstrap, interval_over_tasks, intervals_of
from quickstudy.reports.score import Score
from quickstudy.storage.files import write_whole

__all__ = ["Report"]


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
        planned: length of the task list; more than there are scores where only the first tasks were evaluated. None: as many.
        classes: which classes each task has, as numbers of the data set (-1: none), where tasks are made of classes.
        apart: what no two tasks share, where they were drawn so (`tasks.DisjointClasses`, `tasks.DisjointRows`).
        others: more metrics of the same tasks, each with its interval.
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

    @property
    def mean(self) -> float:
        return math.fsum(self.scores) / len(self.scores)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % t-interval of the mean over tasks (low, high): for other tasks of the same classes."""
        return interval_over_tasks(self.scores)

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % intervals of the mean by what they refer to: other "tasks" of the same classes, or other "classes".

        Of "disjoint tasks", which share no class, one interval refers to both; that of "disjoint rows" refers to other
        examples of the same classes.
        """
        return intervals_of(self.scores, self.classes, self.apart)

    @property
    def worst_decile(self) -> Score:
        """The mean over the worst decile of the tasks (at least one): what one must expect of an unlucky task."""
        ordered = np.asarray(self.scores) * (1 if self.higher_is_better else -1)
        count = max(1, len(ordered) // 10)

        def worst(places: NDArray[np.int64]) -> float:
            found = float(np.partition(ordered[places], count - 1)[:count].mean())
            return found if self.higher_is_better else -found

        name = f"{self.metric}, worst decile of tasks"
        value = worst(np.arange(len(ordered)))
        interval = interval_by_bootstrap(worst, len(ordered))
        return Score(name, self.higher_is_better, value, interval, f"95 % bootstrap over {len(ordered):,} tasks")

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
        return replace(self, metric=metric, higher_is_better=score.higher_is_better, scores=score.scores, others=())

    def __str__(self) -> str:
        low, high = self.interval
        setting = "transductive" if self.transductive else "inductive"
        return (
            f"{self.model}: {self.metric} {self._words()} on {self._count(' of the ')} tasks of {self.source} "
            f"({self._kind()} {self._show(low)} to {self._show(high)}{self._open()}; {setting}, norm {self.norm}; "
            f"{self.seconds * 1e3:.1f} ms and {self._size()} a task; task list {self.digest})"
        )

    def _kind(self) -> str:
        kind = {None: "tasks", "classes": "disjoint tasks, new classes included,", "rows": "tasks of disjoint rows"}[self.apart]
        return f"95 % t-interval over {kind}"

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
        evaluated = len(self.scores)
        return f"{evaluated:,}" if self.planned in (None, evaluated) else f"the first {evaluated:,}{of}{self.planned:,}"

    def _size(self) -> str:
        return "unknown bytes" if self.state_bytes is None else f"{self.state_bytes:,} bytes"

    def row(self) -> dict[str, str]:
        """The report as cells of a table."""
        return {
            "model": self.model,
            self.metric: self._words(),
            "tasks": self._count(" of "),
            "setting": "transductive" if self.transductive else "inductive",
            "norm": self.norm,
            "ms a task": f"{self.seconds * 1e3:.1f}",
            "state": self._size(),
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, with mean and intervals, as JSON; NaN is null."""
        kinds = {"interval": list(self.interval), "interval_kind": self._kind(), "intervals": self.intervals}
        others = [asdict(score) | {"scores": [s if math.isfinite(s) else None for s in score.scores]} for score in self.others]
        return asdict(self) | {"others": others, "mean": self.mean} | kinds

    def save(self, path: str | Path) -> None:
        """Writes the report as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Report":
        """The inverse of `to_json`; a report of an earlier version, which holds less, is read as well.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        later = {"classes", "apart", "others"}
        known = {name: found[name] for name in cls.__dataclass_fields__ if name not in later}
        rows = found.get("classes")
        classes = None if rows is None else tuple(tuple(map(int, row)) for row in rows)
        others = tuple(Score.from_json(score) for score in found.get("others", ()))
        given = {"scores": tuple(found["scores"]), "classes": classes, "apart": found.get("apart"), "others": others}
        return cls(**known | given)

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
