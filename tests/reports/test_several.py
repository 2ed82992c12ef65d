"""Reports of several trainings are averaged task by task; reports of parts are joined, their units kept apart."""

from dataclasses import replace

import pytest

from quickstudy.errors import TaskError
from quickstudy.reports.report import Report
from quickstudy.reports.score import Score
from quickstudy.reports.several import averaged, joined


def report(scores: tuple[float, ...], digest: str = "0", classes: tuple[tuple[int, ...], ...] | None = None) -> Report:
    others = (Score.of_tasks("loss", False, [2 * score for score in scores]),)
    return Report("A", "toys", "mse", False, scores, digest, 0, False, "none", 0.1, 4, classes=classes, others=others)


def test_scores_are_means_of_each_task() -> None:
    found = averaged([report((1.0, 2.0)), report((3.0, 6.0))])
    assert found.scores == (2.0, 4.0)
    assert found.other("loss").scores == (4.0, 8.0)
    assert averaged([report((1.0,))]) == report((1.0,))


def test_units_of_parts_stay_apart() -> None:
    one, two = report((1.0, 2.0), "0", ((0,), (1,))), report((3.0,), "1", ((0,),))
    found = joined([one, two])
    assert found.scores == (1.0, 2.0, 3.0) and found.classes == ((0,), (1,), (2,))
    assert found.digest not in ("0", "1") and found.digest != joined([two, one]).digest
    assert found.other("loss").scores == (2.0, 4.0, 6.0)


def test_unlike_reports_are_refused() -> None:
    with pytest.raises(TaskError, match="different tasks"):
        averaged([report((1.0,)), report((1.0,), "1")])
    with pytest.raises(TaskError, match="different metrics"):
        joined([report((1.0,)), replace(report((1.0,)), metric="other")])
    with pytest.raises(TaskError, match="no reports"):
        averaged([])
