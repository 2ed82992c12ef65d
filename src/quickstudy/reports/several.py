"""Several reports as one: of several trainings, whose scores are averaged task by task, or of parts of the tasks, joined."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace

from quickstudy.errors import TaskError
from quickstudy.reports.report import Report
from quickstudy.reports.score import Score

__all__ = ["averaged", "joined"]


def averaged(reports: Sequence[Report]) -> Report:
    """The mean score of several trainings of one model in each task.

    Its intervals hold for other tasks, not for other trainings: these trainings are what is averaged.

    Args:
        reports: of the same tasks and metrics.

    Raises:
        TaskError: none, or reports of other tasks or metrics.

    >>> same = dict(source="toys", metric="mse", higher_is_better=False, digest="0", seed=0, transductive=False, norm="none")
    >>> one, two = (Report("A", scores=scores, seconds=0.1, state_bytes=4, **same) for scores in ((1.0, 2.0), (3.0, 2.0)))
    >>> averaged([one, two]).scores
    (2.0, 2.0)
    """
    first = _alike(reports)
    if any(report.digest != first.digest for report in reports):
        raise TaskError(f"reports of {first.model} are of different tasks, so that their scores have no mean in each task.")
    if len(reports) == 1:
        return first
    scores = _means([report.scores for report in reports])
    others = [_averaged_score([report.others[n] for report in reports]) for n in range(len(first.others))]
    seconds = math.fsum(report.seconds for report in reports) / len(reports)
    return replace(first, scores=scores, others=tuple(others), seconds=seconds, by_class=None)


def joined(reports: Sequence[Report]) -> Report:
    """Reports of parts of the tasks as one, where each part was left out of a training of its own (cross-validation).

    Args:
        reports: of one model and one metric; no unit (patient, series) is in two of them.

    Raises:
        TaskError: none, or reports of other metrics.

    >>> same = dict(source="toys", metric="mse", higher_is_better=False, seed=0, transductive=False, norm="none", seconds=0.1)
    >>> one, two = (Report("A", scores=(s,), digest=d, state_bytes=4, **same) for s, d in ((1.0, "0"), (3.0, "1")))
    >>> joined([one, two]).mean
    2.0
    """
    first = _alike(reports)
    if len(reports) == 1:
        return first
    digest = hashlib.sha256(" ".join(report.digest for report in reports).encode()).hexdigest()[:16]
    classes: list[tuple[int, ...]] | None = []
    for report in reports:
        if classes is None or report.classes is None:
            classes = None
            continue
        most = max((number for row in classes for number in row), default=-1) + 1
        classes += [tuple(number if number < 0 else number + most for number in row) for row in report.classes]
    others = [
        Score.of_tasks(score.metric, score.higher_is_better, sum((r.others[n].scores for r in reports), ()), score.bounds)
        for n, score in enumerate(first.others)
        if not score.pooled
    ]
    return replace(
        first,
        scores=sum((report.scores for report in reports), ()),
        digest=digest,
        planned=sum(len(r.scores) if r.planned is None else r.planned for r in reports),
        classes=None if classes is None else tuple(classes),
        others=tuple(others),
        seconds=math.fsum(report.seconds for report in reports) / len(reports),
        by_class=None,
    )


def _alike(reports: Sequence[Report]) -> Report:
    if not reports:
        raise TaskError("there are no reports. Evaluate at least once.")
    first = reports[0]
    for report in reports:
        names = [[score.metric for score in each.others] for each in (first, report)]
        if report.metric != first.metric or names[0] != names[1]:
            raise TaskError(f"reports of {first.model} and {report.model} have different metrics. Evaluate all by the same.")
    return first


def _means(lists: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(math.fsum(scores) / len(scores) for scores in zip(*lists, strict=True))


def _averaged_score(scores: Sequence[Score]) -> Score:
    """The mean of one metric; of a pooled one its value, with the mean of the bounds."""
    first = scores[0]
    if not first.pooled:
        world = first.kind.rpartition("for ")[2].rstrip(",")
        return Score.of_tasks(first.metric, first.higher_is_better, _means([s.scores for s in scores]), first.bounds, world)
    low, high = _means([score.interval for score in scores])
    return replace(first, value=math.fsum(score.value for score in scores) / len(scores), interval=(low, high))
