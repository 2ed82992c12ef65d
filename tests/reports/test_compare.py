"""Paired comparison, over whole lists and their first tasks, and conclusions that claim no more than the intervals."""

from dataclasses import replace

import pytest
import torch

from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import TaskError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.reports.compare import compare, conclude
from quickstudy.reports.report import Report
from quickstudy.tasks.few_shot import FewShot


def report(model: str, scores: list[float], *, metric: str = "accuracy", transductive: bool = False) -> Report:
    higher = metric == "accuracy"
    return Report(model, "toys", metric, higher, tuple(scores), "d", 0, transductive, "none", 0.0, 0)


@pytest.fixture(scope="module")
def source() -> FewShot:
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(8, 6, generator=generator)
    labels = torch.arange(160) % 8
    return FewShot(from_arrays(centres[labels] + torch.randn(160, 6, generator=generator), labels), ways=4, shots=3, queries=5)


def test_a_limit_evaluates_the_first_tasks_of_the_same_list(source: FewShot) -> None:
    whole = evaluate(NearestCentroid(), source, tasks=30, seed=3)
    part = evaluate(NearestCentroid(), source, tasks=30, limit=8, seed=3)
    assert part.scores == whole.scores[:8]
    assert part.digest == whole.digest
    assert (part.planned, whole.planned) == (30, 30)
    assert "the first 8 of 30" in part.row()["tasks"]
    assert "the first 8 of the 30 tasks" in str(part)
    assert whole.row()["tasks"] == "30"


def test_a_limit_holds_for_functions_too(source: FewShot) -> None:
    def first_class(support: object) -> object:
        return lambda x: torch.zeros(len(x), dtype=torch.long)

    part = evaluate(first_class, source, tasks=20, limit=5)
    assert part.scores == evaluate(first_class, source, tasks=20).scores[:5]


def test_a_limit_below_one_is_refused(source: FewShot) -> None:
    with pytest.raises(TaskError, match="leave limit out to evaluate all 20"):
        evaluate(NearestCentroid(), source, tasks=20, limit=0)


def test_what_only_one_report_holds_is_left_out(source: FewShot) -> None:
    whole = evaluate(NearestCentroid(), source, tasks=30)
    part = evaluate(NearestNeighbours(), source, tasks=30, limit=8)
    found = compare(whole, part)
    assert found.differences == tuple(a - b for a, b in zip(whole.scores[:8], part.scores, strict=True))
    assert compare(part, whole).difference == pytest.approx(-found.difference)


def test_other_lists_do_not_compare(source: FewShot) -> None:
    with pytest.raises(TaskError, match="different tasks"):
        compare(evaluate(NearestCentroid(), source, tasks=10), evaluate(NearestCentroid(), source, tasks=11, limit=10))


def test_better_worse_and_unclear_are_told_by_the_interval() -> None:
    ours = report("Ours", [0.8, 0.82, 0.78, 0.81])
    weak = report("Weak", [0.5, 0.51, 0.5, 0.49])
    strong = report("Strong", [0.9, 0.93, 0.89, 0.92])
    close = report("Close", [0.9, 0.72, 0.88, 0.73])
    words = conclude(ours, [weak, strong, close])
    assert "Ours is better than Weak (by 30.2 points" in words
    assert "Ours is worse than Strong (by 10.8 points" in words
    assert "do not tell Ours apart from Close (−0.5 points" in words
    assert "all" not in words.replace("apart", "")


def test_all_baselines_beaten_names_the_nearest() -> None:
    ours = report("Ours", [0.8, 0.82, 0.78, 0.81])
    baselines = [report("Far", [0.2, 0.21, 0.2, 0.2]), report("Near", [0.7, 0.71, 0.7])]
    words = conclude(ours, baselines)
    assert words.startswith("Ours is better than all 2 baselines; the nearest is Near (by ")
    assert "on the same 3 tasks" in words


def test_of_errors_the_smaller_is_better() -> None:
    ours = report("Ours", [0.1, 0.11, 0.1], metric="mse")
    words = conclude(ours, [report("Baseline", [0.5, 0.52, 0.5], metric="mse")])
    assert words.startswith("Ours is better than Baseline (by 0.403 of mse, 95 % paired interval 0.")


def test_equal_scores_are_no_victory() -> None:
    ours = report("Ours", [0.8, 0.8])
    assert "do not tell" in conclude(ours, [replace(ours, model="Twin")])


def test_one_task_tells_nothing() -> None:
    words = conclude(report("Ours", [0.9]), [report("Baseline", [0.1])])
    assert "do not tell Ours apart from Baseline" in words
    assert "one task gives no interval" in words


def test_transductive_learners_are_named() -> None:
    ours, baseline = report("Ours", [0.8, 0.82, 0.79], transductive=True), report("Baseline", [0.1, 0.12, 0.1])
    assert "Ours sees a task's queries together (transductive), unlike Baseline" in conclude(ours, [baseline])
    assert "Baseline does not see a task's queries together (transductive), unlike Ours" in conclude(baseline, [ours])


def test_a_conclusion_needs_a_baseline() -> None:
    with pytest.raises(TaskError, match="at least one baseline"):
        conclude(report("Ours", [0.9, 0.8]), [])
