"""Learners on the same new tasks, with the same number of examples or more: what each needs, and when a meta-training pays.

Traditional learners are evaluated on the tasks of a meta-learned one, with more and more examples, until they reach its score or
the data end.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quickstudy.errors import LearnerError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learner import Learner
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import TaskSource

__all__ = ["Contest", "Contestant", "Trained", "evaluate_by_shots", "reach", "tasks_by_shots", "tasks_to_pay"]

_SHOTS = (1, 2, 5, 10, 15, 20, 50, 100)


@dataclass(frozen=True)
class Trained:
    """What a learner used before its first new task.

    Args:
        examples: labelled examples it needed, each counted once; of synthetic tasks all that were drawn.
        tasks: it was meta-trained on.
        seconds: it took.
        optimizes: what was optimized, and on what, in words.
    """

    examples: int
    tasks: int
    seconds: float
    optimizes: str


@dataclass(frozen=True)
class Contestant:
    """A learner with its past, and a report for each number of shots."""

    name: str
    trained: Trained
    curve: Mapping[int, Report]


def tasks_by_shots(source: TaskSource[Any], queries: int | None = None) -> tuple[int, dict[int, TaskSource[Any]]]:
    """The number of shots of a source, and its tasks with fewer and more, as far as the data go.

    Classes of few examples get fewer queries, a quarter of them, so that shots may be many.

    Raises:
        LearnerError: the source has no number of shots.
    """
    if isinstance(source, Sinusoid):
        shots = sorted({source.shots, *_SHOTS})
        return source.shots, {k: Sinusoid(k, queries or source.queries, grid=source.grid) for k in shots}
    if not isinstance(source, FewShot) or source.sizes is not None:
        raise LearnerError(f"the tasks of {source.name} have no shots to vary, so their number of examples cannot be raised.")
    smallest, base = int(source.index.counts.min()), source.shots[0]
    asked = queries or max(1, min(source.queries, smallest // 4))
    shots = sorted({base, *(k for k in _SHOTS if k + asked <= smallest)})
    return base, {k: source.resized(shots=k, queries=asked) for k in shots}


def reach(curve: Mapping[int, Report], target: Report) -> int | None:
    """The fewest shots at which a learner does as well as ``target`` in the mean; None if it never does in these data."""
    sign = 1 if target.higher_is_better else -1
    return min((k for k, report in curve.items() if sign * (report.mean - target.mean) >= 0), default=None)


def tasks_to_pay(price: float, saved: float) -> int | None:
    """After how many new tasks a price is paid that saves so much with each; None: never, 0: there is no price.

    >>> tasks_to_pay(100, 30), tasks_to_pay(100, 0), tasks_to_pay(-5, 1)
    (4, None, 0)
    """
    if price <= 0:
        return 0
    return math.ceil(price / saved) if saved > 0 else None


@dataclass(frozen=True)
class Contest:
    """A meta-learned model and its traditional baselines on the same tasks.

    Args:
        learned: the meta-learned one.
        baselines: the traditional ones.
        shots: at which they are compared.
        labels: labelled examples that one shot more of a task costs: its ways, or 1 for values.
    """

    learned: Contestant
    baselines: Sequence[Contestant]
    shots: int
    labels: int

    def needed(self, baseline: Contestant) -> tuple[int, bool]:
        """Shots that a baseline needs to do as well as the learned model, and whether it does; else the most there were."""
        found = reach(baseline.curve, self.learned.curve[self.shots])
        return (max(baseline.curve), False) if found is None else (found, True)

    def pays_in_labels(self, baseline: Contestant) -> int | None:
        """New tasks after which the labels spent on meta-training are saved; an upper bound where a baseline never catches up."""
        saved = (self.needed(baseline)[0] - self.shots) * self.labels
        return tasks_to_pay(self.learned.trained.examples - baseline.trained.examples, saved)

    def pays_in_seconds(self, baseline: Contestant) -> int | None:
        """New tasks after which the seconds of meta-training are saved, by adapting faster at these shots."""
        saved = baseline.curve[self.shots].seconds - self.learned.curve[self.shots].seconds
        return tasks_to_pay(self.learned.trained.seconds - baseline.trained.seconds, saved)

    def to_json(self) -> dict[str, Any]:
        """All numbers."""
        mine = self.learned.curve[self.shots]
        rows = []
        for baseline in self.baselines:
            pair, (needed, reached) = compare(baseline.curve[self.shots], mine), self.needed(baseline)
            found = _numbers(baseline, self.shots) | {key: pair.to_json()[key] for key in ("difference", "worlds")}
            pays = {"pays_in_labels": self.pays_in_labels(baseline), "pays_in_seconds": self.pays_in_seconds(baseline)}
            rows.append(found | {"shots_needed": needed, "reached": reached} | pays)
        scene = {"source": mine.source, "digest": mine.digest, "shots": self.shots, "metric": mine.metric}
        return scene | {"learned": _numbers(self.learned, self.shots), "baselines": rows}


def _numbers(side: Contestant, shots: int) -> dict[str, Any]:
    report = side.curve[shots]
    by_shots = {str(k): {"mean": r.mean, "interval": list(r.interval), "seconds": r.seconds} for k, r in side.curve.items()}
    past = {"examples": side.trained.examples, "tasks": side.trained.tasks, "training_seconds": side.trained.seconds}
    return {"name": side.name, "mean": report.mean, "interval": list(report.interval), "by_shots": by_shots} | past


def evaluate_by_shots(
    learner: Learner[Any],
    sources: Mapping[int, TaskSource[Any]],
    *,
    tasks: int,
    seed: int,
    until: Mapping[int, Report] | None = None,
    base: int = 0,
    jobs: int | None = None,
) -> dict[int, Report]:
    """A report for each number of shots, in growing order.

    Args:
        learner: to be evaluated.
        sources: by shots.
        tasks: of each.
        seed: of the task lists.
        until: another learner's reports; when its score at ``base`` shots is reached, with as many shots or more, this one's
            examples are enough and no more are tried.
        base: see ``until``.
        jobs: as for `evaluate`.
    """
    curve: dict[int, Report] = {}
    for shots, source in sorted(sources.items()):
        curve[shots] = evaluate(learner, source, tasks=tasks, seed=seed, jobs=jobs)
        if until is not None and shots >= base and reach(curve, until[base]) is not None:
            break
    return curve
