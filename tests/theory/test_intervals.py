"""Each interval covers what it says: measured by simulation, and shown to fail where it does not claim to hold."""

import math

import numpy as np
import pytest

from quickstudy.comparison import Comparison
from quickstudy.errors import TaskError
from quickstudy.intervals import interval_over_classes, interval_over_runs, interval_over_tasks

ROUNDS = 250
TRUTH = 0.8


def coverage(among: int, ways: int, tasks: int, effect: float, noise: float) -> tuple[float, float]:
    """How often the interval over tasks and the one over classes hold the truth, when classes are drawn anew each round."""
    rng = np.random.default_rng(among + ways)
    hits = np.zeros(2)
    for _ in range(ROUNDS):
        effects = rng.normal(0, effect, among)
        classes = rng.random((tasks, among)).argpartition(ways, 1)[:, :ways]
        scores = TRUTH + effects[classes].sum(1) + rng.normal(0, noise, tasks)
        both = interval_over_tasks(scores.tolist()), interval_over_classes(scores.tolist(), classes.tolist())
        hits += [low <= TRUTH <= high for low, high in both]
    return float(hits[0] / ROUNDS), float(hits[1] / ROUNDS)


@pytest.mark.parametrize(("among", "ways", "tasks"), [(100, 5, 150), (60, 20, 100), (33, 5, 150)])
def test_only_the_interval_over_classes_covers_new_classes(among: int, ways: int, tasks: int) -> None:
    closed, opened = coverage(among, ways, tasks, effect=0.02, noise=0.03)
    assert closed < 0.85
    assert 0.9 <= opened <= 0.99  # nominally 0.95; four standard errors of 250 rounds are 0.055


def test_without_class_effects_both_cover() -> None:
    closed, opened = coverage(100, 5, 150, effect=0.0, noise=0.05)
    assert 0.9 <= closed <= opened <= 1.0


def test_disjoint_tasks_cover_new_classes_by_the_plain_interval() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        scores = TRUTH + rng.normal(0, 0.02, (20, 5)).sum(1) + rng.normal(0, 0.03, 20)
        low, high = interval_over_tasks(scores.tolist())
        hits += low <= TRUTH <= high
    assert 0.9 <= hits / 400 <= 0.99


def test_the_interval_over_classes_is_never_the_narrower_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        classes = rng.random((40, 12)).argpartition(3, 1)[:, :3]
        scores = rng.random(40)
        closed = interval_over_tasks(scores.tolist())
        opened = interval_over_classes(scores.tolist(), classes.tolist())
        assert opened[0] <= closed[0] + 1e-3 and opened[1] >= closed[1] - 1e-3  # their t quantiles differ a little
        assert sum(opened) / 2 == pytest.approx(scores.mean())


def test_padding_is_no_class_and_one_class_gives_no_interval() -> None:
    scores, classes = [0.1, 0.5, 0.4, 0.9], [[0, 1], [1, 2], [2, 3], [3, 0]]
    padded = [[*row, -1] for row in classes]
    assert interval_over_classes(scores, padded) == interval_over_classes(scores, classes)
    assert interval_over_classes([0.1, 0.2], [[0], [0]]) == (-math.inf, math.inf)


def test_runs_are_the_units_of_the_interval_over_runs() -> None:
    assert interval_over_runs([0.9, 0.92, 0.94]) == interval_over_tasks([0.9, 0.92, 0.94])


def test_so_many_tasks_show_the_difference_that_often() -> None:
    rng = np.random.default_rng(2)
    first = Comparison("A", "B", "accuracy", tuple(rng.normal(0.0, 0.1, 4000)))
    n = first.tasks_to_see(0.03, power=0.8)
    seen = [Comparison("A", "B", "accuracy", tuple(rng.normal(0.03, 0.1, n))).p_value < 0.05 for _ in range(300)]
    assert 0.7 <= float(np.mean(seen)) <= 0.9
    with pytest.raises(TaskError, match="must not be 0"):
        first.tasks_to_see(0.0)
