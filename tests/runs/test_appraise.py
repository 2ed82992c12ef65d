"""An application, done: the right pairs on the same tasks, controls that lack what they should, scores of baselines kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from quickstudy.apps import known
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.reports.appraisal import Appraisal
from quickstudy.reports.promise import Promise
from quickstudy.runs.appraise import appraise
from quickstudy.runs.run import Run
from quickstudy.tasks.source import generator_of
from toy_application import made, recipe, settings, toys


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(known, "applications", lambda: {"toys": toys})
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path / "cache"))
    made.clear()


def test_everything_stands_on_the_same_tasks(tmp_path: Path) -> None:
    found = appraise(toys, tmp_path / "run", seeds=(0, 1))
    assert [row.name for row in found.rows] == ["1-shot", "3-shot"]
    row = found.rows[0]
    roles = {entry.report.model: entry.role for entry in row.entries}
    assert roles == {
        "ProtoNet": "learner",
        "before meta-training": "control",
        "labels shuffled": "control",
        "nearest neighbours": "baseline",
        "pooled": "control",
        "first ten": "baseline",
    }
    assert len({entry.report.digest for entry in row.entries}) == 1
    assert [len(entry.report.scores) for entry in row.entries] == [20, 20, 20, 20, 20, 10]
    source = settings(recipe())["1-shot"].test
    plan = source.plan(20, generator_of(1000))
    means = [evaluate(Run(tmp_path / place).learner(), source, plan=plan, seed=1000).scores for place in ("run", "run/seed-1")]
    assert row.learner.scores == pytest.approx([(a + b) / 2 for a, b in zip(*means, strict=True)])
    by_name = {entry.report.model: entry for entry in row.entries}
    assert by_name["pooled"].report.mean == pytest.approx(1 / 3)
    assert by_name["labels shuffled"].report.mean < row.learner.mean - 0.1
    gain, (low, _) = row.gain(row.best)  # type: ignore[arg-type]
    assert row.promises == (Promise(-1.0),) and low > -1.0 and row.reached, "no more than a promised loss"
    assert replace(row, promises=(Promise(),)).reached is (low > 0)
    assert replace(row, promises=(Promise(-1.0), Promise(gain + 0.01))).reached is False, "all of them"
    assert row.best_of(["first ten"]) == by_name["first ten"] and row.best_of(["nobody"]) is None
    over = replace(row, promises=(Promise(-1.0, ("first ten",), tie=True), Promise(0.0, ("nobody",))))
    assert "promised −100.00 over first ten or a tie: kept" in over.verdict and "over nobody: not evaluated" in over.verdict
    assert over.reached is None, "a promise over what was not evaluated is not kept"
    control = replace(row, promises=(Promise(-1.0, ("labels shuffled",), tie=True),))
    assert control.reached and "over labels shuffled or a tie: kept" in control.verdict, "a control can be named too"
    assert {score.metric for score in row.learner.others} == {"log_loss"}


def test_a_baseline_is_tuned_on_meta_validation_and_kept(tmp_path: Path) -> None:
    first = appraise(toys, tmp_path / "run")
    choice = next(entry for entry in first.rows[0].entries if entry.report.model == "nearest neighbours").choice
    scores = {}
    for k in (1, 3):
        val = settings(recipe())["1-shot"].val
        assert val is not None
        scores[k] = evaluate(NearestNeighbours(k), val, tasks=50, seed=1_000_003).mean
    assert choice == f"k = {max(scores, key=lambda k: scores[k])}"
    assert len(made) == 6  # two choices and the best of them, in two rows
    again = appraise(toys, tmp_path / "run")
    assert len(made) == 6
    assert [e.report.scores for row in again.rows for e in row.entries] == [
        e.report.scores for row in first.rows for e in row.entries
    ]


def test_other_data_are_other_scores(tmp_path: Path) -> None:
    appraise(toys, tmp_path / "run")
    appraise(toys, tmp_path / "other", {"fold": 1})
    assert len(made) == 12


def test_folds_are_joined(tmp_path: Path) -> None:
    found = appraise(replace(toys, folds=2), tmp_path / "run")
    row = found.rows[0]
    assert len(row.learner.scores) == 40
    assert row.learner.classes is not None
    assert {number for task in row.learner.classes for number in task} == set(range(30))
    assert (tmp_path / "run/seed-0/fold-1/best.safetensors").exists()


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = appraise(toys, tmp_path / "run", quick=True)
    found.save(tmp_path / "appraisal.json")
    again = Appraisal.load(tmp_path / "appraisal.json")
    assert again == found and again.quick
    assert [row.verdict for row in again.rows] == [row.verdict for row in found.rows]


def test_a_saved_run_is_opened_by_its_folder_alone(tmp_path: Path) -> None:
    appraise(toys, tmp_path / "run", quick=True)
    run = Run(tmp_path / "run")
    assert run.config["recipe"] == "application toys" and run.recipe().steps == 1


def test_pages_say_what_was_found(tmp_path: Path) -> None:
    from quickstudy.plots.application_page import application_page, summary_page

    found = appraise(toys, tmp_path / "run", quick=True)
    page = application_page(toys, found, tmp_path / "run").html()
    assert all(word in page for word in ("testers.", "labels shuffled", "nearest neighbours", found.rows[0].verdict.split()[0]))
    assert "these numbers mean nothing" in page
    assert found.rows[0].reached is None and "promised −100.00: not evaluated with tiny settings" in found.rows[0].verdict
    assert "missed" not in page and "kept" not in page
    whole = summary_page([found, found]).html()
    assert "2 applications, 4 rows; 0 of 0 promises" in whole and "not evaluated" in whole and "missed" not in whole


def test_a_curve_joins_rows_that_differ_in_size_alone(tmp_path: Path) -> None:
    from quickstudy.plots.application_page import application_page

    found = appraise(toys, tmp_path / "run", quick=True)
    names = {f"{ways}-way {shots}-shot": shots for ways in (5, 14) for shots in (1, 5)}
    names |= {"types, 5 kinds, 1 sentence of each": 1, "types, 5 kinds, 5 sentences of each": 5}
    rows = tuple(replace(found.rows[0], name=name, size=size) for name, size in names.items())
    page = application_page(toys, replace(found, rows=rows), tmp_path / "run")
    titles = [each.heading.rpartition("by the size of a task, ")[2] for each in page.illustrations[:-1]]
    assert titles == ["5-way", "14-way", "types, 5 kinds, of each"]
