"""Intervals cover what they say, and tests are those of SciPy."""

import math

import numpy as np
import pytest
from numpy.random import Generator
from scipy import stats

from quickstudy.reports.comparison import Comparison
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.reports.report import Report

ROUNDS = 2000


def normal(generator: Generator) -> np.ndarray:
    return generator.normal(0.7, 0.2, 15)


def accuracies(generator: Generator) -> np.ndarray:
    """Tasks of differing difficulty, 75 queries each: what an evaluation of 60 tasks sees."""
    return generator.binomial(75, generator.beta(8, 2, 60)) / 75


def differences(generator: Generator) -> np.ndarray:
    return generator.exponential(1.0, 200)


@pytest.mark.parametrize(("draw", "truth"), [(normal, 0.7), (accuracies, 0.8), (differences, 1.0)])
def test_a_95_percent_interval_covers_95_percent(draw: object, truth: float) -> None:
    """Within four standard errors of a binomial with 2,000 draws, so 0.93 to 0.97."""
    assert callable(draw)
    generator = np.random.default_rng(0)
    intervals = [interval_over_tasks(draw(generator).tolist()) for _ in range(ROUNDS)]
    covered = sum(low <= truth <= high for low, high in intervals) / ROUNDS
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / ROUNDS)


@pytest.mark.parametrize("n", [2, 5, 1000])
def test_the_interval_is_scipys(n: int) -> None:
    scores = np.random.default_rng(n).normal(size=n)
    for level in (0.95, 0.99):
        expected = stats.t.interval(level, n - 1, scores.mean(), stats.sem(scores))
        assert interval_over_tasks(scores.tolist(), level) == pytest.approx(expected)


def test_one_task_has_no_interval() -> None:
    assert interval_over_tasks([0.5]) == (-math.inf, math.inf)
    assert interval_over_tasks([0.5, 0.5]) == (0.5, 0.5)


def comparison(a: np.ndarray, b: np.ndarray) -> Comparison:
    return Comparison("a", "b", "accuracy", True, tuple((a - b).tolist()))


@pytest.mark.parametrize(("n", "shift"), [(2, 0.3), (30, 0.0), (30, 0.5), (600, 0.2)])
def test_the_p_value_is_that_of_the_paired_t_test(n: int, shift: float) -> None:
    generator = np.random.default_rng(n)
    a, b = generator.normal(shift, 1, n), generator.normal(0, 1, n)
    found, expected = comparison(a, b), stats.ttest_rel(a, b)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval()))
    assert found.difference == pytest.approx((a - b).mean())


def test_p_values_without_a_difference_are_uniform() -> None:
    generator = np.random.default_rng(0)
    found = [comparison(generator.normal(size=20), generator.normal(size=20)).p_value for _ in range(1000)]
    assert stats.kstest(found, "uniform").pvalue > 0.001


def test_pairing_removes_what_tasks_share() -> None:
    """Tasks differ far more than learners: unpaired, the same difference drowns."""
    generator = np.random.default_rng(0)
    tasks = generator.normal(0.7, 0.2, 300)
    a, b = tasks + 0.02 + generator.normal(0, 0.02, 300), tasks + generator.normal(0, 0.02, 300)
    assert comparison(a, b).p_value < 1e-6 < 0.05 < stats.ttest_ind(a, b).pvalue


def test_degenerate_differences() -> None:
    """Five equal differences have no spread to test with: their p is that of five equal signs, 2 · ½⁵."""
    same = np.full(5, 0.5)
    assert comparison(same, same).p_value == 1.0 and comparison(same + 0.25, same).p_value == 2 * 0.5**5
    assert comparison(same + 0.25, same).better("tasks") is None
    six = np.full(6, 0.5)
    assert comparison(six + 0.25, six).better("tasks") == "a" and comparison(six - 0.1, six).better("tasks") == "b"
    assert comparison(same[:1], same[:1] + 1).p_value == 1.0


def test_a_report_speaks_of_its_scores() -> None:
    scores = (0.7, 0.75, 0.8, 0.75)
    report = Report("M", "s", "accuracy", True, scores, "d", 0, False, "none", 0.001, 10)
    assert report.mean == 0.75 and report.interval == interval_over_tasks(scores)
    assert "accuracy 75.00 % on 4 tasks" in str(report) and "95 %" in str(report) and "inductive" in str(report)
