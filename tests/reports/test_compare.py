"""Paired comparison, over whole lists and their first tasks, and conclusions that claim no more than the intervals."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import TaskError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.reports.compare import compare, conclude
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.intervals import interval_over_classes, interval_over_runs, interval_over_tasks
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
    with pytest.raises(TaskError, match="limit=0 must be a whole number of at least 1"):
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
    assert words.startswith("For other tasks of the same source, Ours is better than Weak (by 30.2 points")
    assert "Ours is worse than Strong (by 10.8 points" in words
    assert "do not tell Ours apart from Close (−0.5 points" in words
    assert "all" not in words.replace("apart", "")


def test_all_baselines_beaten_names_the_nearest() -> None:
    ours = report("Ours", [0.8, 0.82, 0.78, 0.81])
    baselines = [report("Far", [0.2, 0.21, 0.2, 0.2]), report("Near", [0.7, 0.71, 0.69])]
    words = conclude(ours, baselines)
    assert words.startswith("For other tasks of the same source, Ours is better than all 2 baselines; the nearest is Near (by ")
    assert "on the same 3 tasks" in words


def test_of_errors_the_smaller_is_better() -> None:
    ours = report("Ours", [0.1, 0.11, 0.1], metric="mse")
    words = conclude(ours, [report("Baseline", [0.5, 0.52, 0.5], metric="mse")])
    assert words.startswith(
        "For other tasks of the same source, Ours is better than Baseline (by 0.403 of mse, 95 % paired interval 0."
    )


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


WORLDS = {"classes": ((0, 1), (1, 2), (2, 3), (3, 0)) * 25}


def test_each_world_has_its_sentence_and_its_numbers() -> None:
    """Of two models that differ by their classes alone, 100 tasks of four classes say much about these and little of others."""
    effects, noise = (0.1, -0.04, 0.06, 0.0), np.random.default_rng(0).normal(0, 0.01, 100)
    scores = [0.5 + (effects[a] + effects[b]) / 2 + e for (a, b), e in zip(WORLDS["classes"], noise, strict=True)]
    ours, flat = (replace(report(name, s), **WORLDS) for name, s in (("Ours", scores), ("Flat", [0.5] * 100)))
    pair = compare(ours, flat)
    assert pair.better("tasks") == "Ours" and pair.better("classes") is None
    assert pair.p_values["tasks"] == pair.p_value < 1e-6 and pair.p_values["classes"] > 0.1
    words = conclude(ours, [flat])
    assert "For other tasks of the same classes, Ours is better than Flat (by 3.1 points of accuracy" in words
    assert "For new classes, these tasks do not tell Ours apart from Flat (+3.1 points of accuracy" in words
    assert str(pair).startswith("Ours − Flat: +3.08 points of accuracy on the same 100 tasks. For other tasks of")
    assert ". For new classes: not told apart (95 % paired interval −" in str(pair)
    found = pair.to_json()["worlds"]
    assert [found[world]["better"] for world in ("tasks", "classes")] == ["Ours", None]
    assert found["classes"]["holds_for"] == "new classes" and found["classes"]["interval"] == list(pair.intervals["classes"])


def test_disjoint_lists_name_their_own_world() -> None:
    ours, weak = (report(name, s) for name, s in (("Ours", [0.8, 0.82, 0.79]), ("Weak", [0.1, 0.12, 0.1])))
    apart = conclude(replace(ours, apart="classes", classes=((0,), (1,), (2,))), [replace(weak, apart="classes")])
    assert apart.startswith("For new classes (no two tasks share one), Ours is better than Weak") and apart.count("For ") == 1
    rows = conclude(replace(ours, apart="rows"), [replace(weak, apart="rows")])
    assert rows.startswith("For other examples of the same classes, Ours is better than Weak")


def test_what_is_not_known_of_new_classes_is_said() -> None:
    ours, weak = report("Ours", [0.8, 0.82, 0.79]), report("Weak", [0.1, 0.12, 0.1])
    for words in (conclude(ours, [weak]), str(compare(ours, weak))):
        assert words.endswith("Nothing is said about new classes: the reports do not record the classes of each task.")
    assert "new classes" not in str(compare(report("A", [0.1, 0.2], metric="mse"), report("B", [0.1, 0.3], metric="mse")))


def test_a_difference_of_zero_has_no_sign() -> None:
    """A mean of −1e-9 is printed as zero, and a minus is a minus."""
    pair = compare(report("A", [0.5, 0.5 - 2e-9]), report("B", [0.5, 0.5]))
    assert str(pair).startswith("A − B: +0.00 points")
    assert "−0.0" not in conclude(report("A", [0.5, 0.5 - 2e-9]), [report("B", [0.5, 0.5])])


def test_differences_never_leave_what_shares_allow() -> None:
    pair = compare(report("A", [1.0, 1.0, 0.7]), report("B", [0.0, 0.0, 0.0]))
    assert pair.interval[1] == 1.0 and "to +100.00" in str(pair)


def test_two_baselines_of_one_name_are_refused() -> None:
    with pytest.raises(TaskError, match="names of their own"):
        conclude(report("Ours", [0.9, 0.8]), [report("B", [0.1, 0.2]), report("B", [0.3, 0.2])])


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_finite_numbers_are_refused_everywhere(score: float) -> None:
    """A sign-flip test of NaN gave p = 0.0001, and a ranking put it first."""
    says = r"has the score -?(nan|inf) for task 1 \(the first is 0\)"
    with pytest.raises(TaskError, match=says):
        report("Broken", [0.5, score], metric="mse")
    with pytest.raises(TaskError, match=says):
        Comparison("A", "B", "mse", False, (0.1, score))
    for interval in (interval_over_tasks, interval_over_runs, lambda s: interval_over_classes(s, [[0], [1]])):
        with pytest.raises(TaskError, match=says):
            interval([0.5, score])
    with pytest.raises(TaskError, match="has no scores"):
        report("Empty", [])
