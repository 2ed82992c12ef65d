"""A report: intervals that end where scores end, words without a wrong sign, JSON that any reader understands."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from quickstudy.errors import ArtefactError, TaskError
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.reports.report import Report
from quickstudy.reports.score import Score

NEARLY = (1.0,) * 29 + (0.97,)


def report(scores: tuple[float, ...] = NEARLY, metric: str = "accuracy", **changes: object) -> Report:
    plain = Report("M", "toys", metric, metric == "accuracy", scores, "d", 0, False, "none", 0.0, 0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_an_interval_ends_where_scores_end() -> None:
    """Of 29 perfect tasks and one of 97 % the t-interval reaches to 100.1 %; what lies beyond 100 % cannot be the mean."""
    found = report()
    low, high = interval_over_tasks(NEARLY)
    assert high > 1 and found.interval == (low, 1.0)
    assert f"95 % t-interval for other tasks of the same source {100 * low:.2f} to 100.00 %" in str(found)
    assert found.row()["accuracy"] == f"99.90 ({100 * low:.2f} to 100.00) %"
    errors = report((0.0, 0.0, 0.3), "mse")
    assert errors.interval[0] == 0.0 and "−" not in str(errors)
    assert report((0.5, 0.6), "profit").interval[0] < 0.5, "a metric of one's own has no bounds"


def test_an_interval_inside_the_bounds_is_the_t_interval_around_its_mean() -> None:
    scores = (0.7, 0.75, 0.8, 0.75)
    assert report(scores).interval == interval_over_tasks(scores)
    half = 100 * (interval_over_tasks(scores)[1] - 0.75)
    assert report(scores).row()["accuracy"] == f"75.00 ± {half:.2f} %"


def test_the_classes_interval_and_the_worst_decile_end_there_too() -> None:
    classes = tuple((number % 6, (number + 1) % 6) for number in range(30))
    found = report(classes=classes)
    assert found.intervals["classes"][1] == 1.0 and found.intervals["classes"][0] <= found.intervals["tasks"][0]
    assert "for new classes" in str(found) and found.row()["new classes"].endswith("to 100.00 %")
    assert "other tasks of the same classes; “new classes”" in found.note
    assert found.worst_decile.interval[1] <= 1.0


def test_other_metrics_keep_their_bounds_as_the_main_one() -> None:
    score = Score.of_tasks("auroc", True, [1.0, 1.0, 0.9], (0.0, 1.0))
    assert score.interval[1] == 1.0
    main = report((0.5, 0.6, 0.7), others=(score,)).by("auroc")
    assert main.interval == score.interval and main.bounds == (0.0, 1.0)


def test_percent_instead_of_shares_is_refused() -> None:
    with pytest.raises(TaskError, match=r"accuracy 97 for task 1 \(the first is 0\).*between 0 and 1.*not percent"):
        report((1.0, 97.0))


def test_an_infinite_score_of_another_metric_is_refused_and_nan_is_left_out() -> None:
    with pytest.raises(TaskError, match="gaussian_nll is inf for task 2"):
        Score.of_tasks("gaussian_nll", False, [0.1, math.nan, math.inf])
    assert Score.of_tasks("auroc", True, [0.5, math.nan]).value == 0.5


def test_json_has_no_word_that_other_readers_do_not_know(tmp_path: Path) -> None:
    """Infinity and NaN are no JSON."""
    empty = Score.of_tasks("auroc", True, [math.nan])
    one = report((0.5,), others=(empty, Score.of_tasks("log_loss", False, [0.5], (0.0, math.inf))), limits=(-math.inf, 1.0))
    one.save(tmp_path / "one.json")

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    found = json.loads((tmp_path / "one.json").read_text(), parse_constant=refuse)
    assert found["interval"] == [None, None] and found["others"][0]["value"] is None
    again = Report.load(tmp_path / "one.json")
    assert again.limits == (-math.inf, 1.0) and again.others[1] == one.others[1]
    assert math.isnan(again.others[0].value) and again.intervals == one.intervals


def test_a_file_with_a_score_that_is_none_is_no_report(tmp_path: Path) -> None:
    report().save(tmp_path / "report.json")
    for damage in ('"scores": [NaN, ', '"scores": [', '"scores": [7, '):
        text = (tmp_path / "report.json").read_text().replace('"scores": [\n  1.0,', damage, 1)
        (tmp_path / "bad.json").write_text(text if damage != '"scores": [' else "{}")
        with pytest.raises(ArtefactError, match="not a report"):
            Report.load(tmp_path / "bad.json")


def test_a_plural_agrees_and_one_task_has_no_interval() -> None:
    one = str(report((0.5,)))
    assert "on 1 task of toys (95 % t-interval for other tasks of the same source none" in one
    assert report((0.5,)).row()["accuracy"] == "50.00 (one task) %" or report((0.5,)).row()["accuracy"] == "50.00 % (one task)"


def test_fewer_rows_of_classes_than_scores_are_refused() -> None:
    with pytest.raises(TaskError, match="30 scores came with the classes of 1 tasks"):
        report(classes=((0, 1),))


def test_every_other_score_says_what_its_interval_holds_for() -> None:
    classes = tuple((number % 6, (number + 1) % 6) for number in range(30))
    assert report(classes=classes).worst_decile.kind == "95 % bootstrap over 30 tasks, for other tasks of the same classes,"
    assert Score.of_tasks("auroc", True, [0.5, 0.6], world="new classes").kind == "95 % t over 2 tasks, for new classes,"
    assert Score.of_tasks("auroc", True, [0.5, 0.6]).row()["of"] == "t over 2 tasks, for other tasks of the same source"
