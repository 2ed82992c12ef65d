"""Rankings: ranks with ties, corrected tests, and who stands together."""

import numpy as np
import pytest

from quickstudy.errors import TaskError
from quickstudy.plots.ranks import ranks
from quickstudy.plots.style import svg
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.ranking import holm, rank
from quickstudy.reports.report import Report


def report(model: str, scores: list[float], *, metric: str = "accuracy", digest: str = "d") -> Report:
    return Report(model, "toys", metric, metric == "accuracy", tuple(scores), digest, 0, False, "none", 0.0, 0)


def evaluated(*means: float, tasks: int = 200, metric: str = "accuracy") -> list[Report]:
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 0.1, tasks)
    return [report(f"m{i}", (mean + shared + rng.normal(0, 0.02, tasks)).tolist(), metric=metric) for i, mean in enumerate(means)]


def test_the_better_comes_first_and_equals_stand_together() -> None:
    found = rank(evaluated(0.5, 0.8, 0.8))
    assert set(found.models[:2]) == {"m1", "m2"} and found.models[2] == "m0"
    assert found.together() == [found.models[:2]]
    assert found.ranks == tuple(sorted(found.ranks)) and sum(found.ranks) == pytest.approx(6)
    assert "Not told apart" in str(found)


def test_errors_rank_the_other_way_round() -> None:
    assert rank(evaluated(0.5, 0.8, metric="mse")).models == ("m0", "m1")
    assert "Every pair differs" in str(rank(evaluated(0.5, 0.8, metric="mse")))


def test_overlapping_runs_are_both_named() -> None:
    found = rank([report("a", [3.0, 1.0] * 50), report("b", [2.0, 1.6] * 50), report("c", [1.0, 2.0] * 50)])
    named = [set(run) for run in found.together()]
    assert all(len(run) > 1 for run in named)
    for (a, b), p in found.p_values.items():
        if p > 0.05 and abs(found.models.index(a) - found.models.index(b)) == 1:
            assert any({a, b} <= run for run in named)


def test_the_sign_flip_test_is_exact_in_size_and_agrees_with_the_t_test() -> None:
    rng = np.random.default_rng(1)
    alarms = [Comparison("a", "b", "accuracy", tuple(rng.normal(0, 1, 40))).sign_flip_p < 0.1 for _ in range(150)]
    assert 0.03 <= float(np.mean(alarms)) <= 0.19  # 10 % plus and minus four standard errors
    shifted = Comparison("a", "b", "accuracy", tuple(rng.normal(0.3, 1, 100)))
    assert shifted.sign_flip_p == pytest.approx(shifted.p_value, abs=0.01)
    assert Comparison("a", "b", "accuracy", (0.0,) * 10).sign_flip_p == 1.0


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


def test_the_image_names_everyone() -> None:
    drawn = svg(ranks(rank(evaluated(0.5, 0.8, 0.8, 0.6))))
    assert all(f"m{number}" in drawn for number in range(4))
