"""Rankings: ranks with ties, corrected tests, and who stands together."""

import math
from dataclasses import replace

import numpy as np
import pytest

from quickstudy.errors import TaskError
from quickstudy.plots.ranks import ranks
from quickstudy.plots.style import svg
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.ranking import holm, rank
from quickstudy.reports.report import Report


def report(model: str, scores: list[float], *, metric: str = "score", digest: str = "d") -> Report:
    return Report(model, "toys", metric, metric == "score", tuple(scores), digest, 0, False, "none", 0.0, 0)


def evaluated(*means: float, tasks: int = 200, metric: str = "score") -> list[Report]:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.1, tasks)
    return [report(f"m{i}", (mean + shared + rng.normal(0, 0.02, tasks)).tolist(), metric=metric) for i, mean in enumerate(means)]


def test_the_better_comes_first_and_equals_stand_together() -> None:
    found = rank(evaluated(0.5, 0.8, 0.8))
    assert set(found.models[:2]) == {"m1", "m2"} and found.models[2] == "m0"
    assert found.together("tasks") == [found.models[:2]]
    assert found.ranks == tuple(sorted(found.ranks)) and sum(found.ranks) == pytest.approx(6)
    assert "For other tasks of the same source, not told apart are m" in str(found)


def test_errors_rank_the_other_way_round() -> None:
    assert rank(evaluated(0.5, 0.8, metric="mse")).models == ("m0", "m1")
    assert "every pair differs" in str(rank(evaluated(0.5, 0.8, metric="mse")))


def test_overlapping_runs_are_both_named() -> None:
    found = rank([report("a", [3.0, 1.0] * 50), report("b", [2.0, 1.6] * 50), report("c", [1.0, 2.0] * 50)])
    named = [set(run) for run in found.together("tasks")]
    assert all(len(run) > 1 for run in named)
    for (a, b), p in found.p_values["tasks"].items():
        if p > 0.05 and abs(found.models.index(a) - found.models.index(b)) == 1:
            assert any({a, b} <= run for run in named)


def test_the_sign_flip_test_is_exact_in_size_and_agrees_with_the_t_test() -> None:
    rng = np.random.default_rng(1)
    alarms = [Comparison("a", "b", "accuracy", True, tuple(rng.normal(0, 1, 40))).sign_flip_p < 0.1 for _ in range(150)]
    assert 0.03 <= float(np.mean(alarms)) <= 0.19  # 10 % plus and minus four standard errors
    shifted = Comparison("a", "b", "accuracy", True, tuple(rng.normal(0.3, 1, 100)))
    assert shifted.sign_flip_p == pytest.approx(shifted.p_value, abs=0.01)
    assert Comparison("a", "b", "accuracy", True, (0.0,) * 10).sign_flip_p == 1.0


def test_holm_keeps_order_and_never_lowers() -> None:
    assert holm([]) == []
    rng = np.random.default_rng(2)
    p = rng.random(8).tolist()
    corrected = holm(p)
    assert all(a >= b for a, b in zip(corrected, p, strict=True)) and max(corrected) <= 1
    assert np.argsort(p)[0] == np.argmin(corrected)


def test_other_tasks_and_equal_names_are_refused() -> None:
    with pytest.raises(TaskError, match="different tasks"):
        rank([report("a", [1.0, 2.0]), report("b", [1.0, 2.0], digest="e")])
    with pytest.raises(TaskError, match="names of their own"):
        rank([report("a", [1.0, 2.0]), report("a", [1.0, 2.0])])
    with pytest.raises(TaskError, match="was measured by"):
        rank([report("a", [1.0, 2.0]), report("b", [1.0, 2.0], metric="mse")])


def test_rankings_of_lists_of_different_lengths_are_refused_and_can_be_cut() -> None:
    """Ranks over 10 tasks beside tests over 1,000 would be two statements in one."""
    short, *long = evaluated(0.5, 0.8, 0.8, tasks=100)
    short = short.first(10)
    with pytest.raises(TaskError, match=r"numbers of tasks are: m0 10, m1 100, m2 100.*report\.first\(10\)"):
        rank([short, *long])
    found = rank([short, *(each.first(10) for each in long)])
    assert {len(pair.differences) for pair in found.comparisons.values()} == {10} and "the same 10 tasks" in str(found)
    assert short.planned == 100 and "the first 10 of the 100 tasks" in str(short)
    for tasks in (0, 101):
        with pytest.raises(TaskError, match="between 1 and 100"):
            long[0].first(tasks)


def test_nothing_but_finite_numbers_is_ranked() -> None:
    with pytest.raises(TaskError, match=r"broken nan has the score nan for task 1 \(the first is 0\)"):
        report("broken nan", [0.5, math.nan, 0.5])
    with pytest.raises(TaskError, match=r"between 0 and 1, unlike \[nan\]"):
        holm([0.5, math.nan])


def test_each_world_has_its_ranking() -> None:
    """Class effects differ between two models: for the same classes they are told apart, for new ones they are not."""
    rng = np.random.default_rng(1)
    classes = rng.random((300, 20)).argpartition(5, 1)[:, :5]
    effects = 0.02 * np.array([np.arange(20) % 2, np.arange(20) % 3 - 0.3])  # means 0.01 and 0.013
    scores = [0.6 + effect[classes].sum(1) + rng.normal(0, 0.02, 300) for effect in effects]
    models = [replace(report(f"m{i}", s.tolist()), classes=tuple(map(tuple, classes.tolist()))) for i, s in enumerate(scores)]
    found = rank(models)
    assert found.together("tasks") == [] and found.together("classes") == [found.models]
    words = str(found)
    assert "For other tasks of the same classes, every pair differs (Holm-corrected p < 0.05)." in words
    assert f"For new classes, not told apart are {' and '.join(found.models)} (Holm-corrected p ≥ 0.05)." in words
    with pytest.raises(TaskError, match='world "disjoint rows"; they do about tasks, classes'):
        found.together("disjoint rows")


def test_the_image_names_everyone() -> None:
    drawn = svg(ranks(rank(evaluated(0.5, 0.8, 0.8, 0.6))))
    assert all(f"m{number}" in drawn for number in range(4))
