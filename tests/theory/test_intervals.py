"""Each interval covers what it says: measured by simulation, and shown to fail where it does not claim to hold."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.likelihood import Categorical
from quickstudy.metrics.calibration import calibration_error
from quickstudy.metrics.predicted import Predicted
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.intervals import interval_by_bootstrap, interval_over_classes, interval_over_runs, interval_over_tasks
from quickstudy.tasks.disjoint import DisjointClasses, DisjointRows
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import generator_of

ROUNDS = 600
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
    assert closed < 0.85, "drawn with replacement, tasks under-cover for new classes"
    assert 0.93 <= opened <= 0.97


def test_without_class_effects_both_cover() -> None:
    closed, opened = coverage(100, 5, 150, effect=0.0, noise=0.05)
    assert 0.9 <= closed <= opened <= 1.0


def index(classes: int, rows: int) -> ClassIndex:
    return from_arrays(torch.zeros(classes * rows, 1), torch.arange(classes).repeat_interleave(rows))


def test_the_plain_interval_over_tasks_covers_other_tasks_of_the_same_classes() -> None:
    """Classes stay as they are, tasks are drawn anew: what the closed-world interval speaks of."""
    rng = np.random.default_rng(3)
    effects = rng.normal(0, 0.02, 30)
    truth, hits = TRUTH + 5 * effects.mean(), 0
    for _ in range(2000):
        classes = rng.random((60, 30)).argpartition(5, 1)[:, :5]
        low, high = interval_over_tasks((TRUTH + effects[classes].sum(1) + rng.normal(0, 0.03, 60)).tolist())
        hits += low <= truth <= high
    assert 0.93 <= hits / 2000 <= 0.97


def test_disjoint_tasks_cover_new_classes_by_the_plain_interval() -> None:
    """With the lists that `DisjointClasses` plans; as many tasks with replacement as one likes do not."""
    rng, few = np.random.default_rng(0), FewShot(index(60, 3), ways=5, shots=1, queries=2)
    apart = DisjointClasses(few)
    apart_hits = shared_hits = 0
    for seed in range(1000):
        effects = rng.normal(0, 0.02, 60)

        def covers(classes: Tensor, effects: Any = effects) -> bool:
            scores = TRUTH + effects[classes.numpy()].sum(1) + rng.normal(0, 0.03, len(classes))
            low, high = interval_over_tasks(scores.tolist())
            return bool(low <= TRUTH <= high)

        apart_hits += covers(apart.plan(apart.most, generator_of(seed)).classes)
        shared_hits += seed % 5 == 0 and covers(few.plan(200, generator_of(seed)).classes)
    assert 0.93 <= apart_hits / 1000 <= 0.97
    assert shared_hits / 200 < 0.7


def test_disjoint_rows_cover_other_rows_of_the_same_classes() -> None:
    """Rows have effects, which tasks with replacement share."""
    rng, few = np.random.default_rng(0), FewShot(index(5, 12), ways=3, shots=1, queries=2)
    apart = DisjointRows(few)
    apart_hits = shared_hits = 0
    for seed in range(1000):
        effects = rng.normal(0, 0.1, len(few.index))

        def covers(plan: RowPlan, effects: Any = effects) -> bool:
            rows = torch.cat([plan.support_rows, plan.query_rows], 1).numpy()
            low, high = interval_over_tasks((TRUTH + effects[rows].mean(1)).tolist())
            return bool(low <= TRUTH <= high)

        apart_hits += covers(apart.plan(apart.most, generator_of(seed)))
        shared_hits += seed % 5 == 0 and covers(few.plan(100, generator_of(seed)))
    assert 0.93 <= apart_hits / 1000 <= 0.97
    assert shared_hits / 200 < 0.85


def test_the_interval_over_runs_covers_another_training() -> None:
    means = np.random.default_rng(0).normal(TRUTH, 0.01, (2000, 5))
    hits = [low <= TRUTH <= high for low, high in (interval_over_runs(row.tolist()) for row in means)]
    assert 0.93 <= np.mean(hits) <= 0.97


def test_the_bootstrap_covers_the_worst_decile() -> None:
    """Of normal scores the mean below the tenth percentile lies 1.755 standard deviations below the mean."""
    rng, truth, hits = np.random.default_rng(0), TRUTH - 0.1 * 1.75498, 0
    for _ in range(400):
        scores = rng.normal(TRUTH, 0.1, 300)

        def worst(places: Any, scores: Any = scores) -> float:
            return float(np.partition(scores[places], 29)[:30].mean())

        low, high = interval_by_bootstrap(worst, 300)
        hits += low <= truth <= high
    assert 0.92 <= hits / 400 <= 0.98  # 400 rounds: a standard error is 0.011


def test_the_bootstrap_covers_a_pooled_calibration_error() -> None:
    """A model is sure of itself by 0.1 too much in every bin; tasks differ in how often it is right."""
    rng, hits = np.random.default_rng(1), 0
    for number in range(800):
        sure = rng.uniform(0.65, 0.95, (60, 30))
        right = rng.random((60, 30)) < sure - 0.1 + rng.normal(0, 0.03, (60, 1))
        bins = np.eye(15)[(sure * 15).astype(int)]
        excess = ((sure - right)[..., None] * bins).sum(1)

        def error(tasks: Any, excess: Any = excess) -> float:
            """`calibration_error`, from sums that are taken once."""
            return float(np.abs(excess[tasks].sum(0)).sum() / (30 * len(tasks)))

        if number == 0:
            said = Predicted.of(torch.from_numpy(np.stack([sure, 1 - sure], -1)).log().flatten(0, 1), Categorical())
            y = torch.from_numpy(np.stack([right, ~right], -1).astype(float)).flatten(0, 1)
            assert error(np.arange(60)) == pytest.approx(calibration_error(said, y))
        low, high = interval_by_bootstrap(error, 60)
        hits += low <= 0.1 <= high
    assert 0.92 <= hits / 800 <= 0.98  # 800 rounds: a standard error is 0.008


def test_the_interval_over_classes_is_never_the_narrower_one() -> None:
    rng = np.random.default_rng(1)
    for number in range(20):
        tasks, among = (40, 12) if number % 2 else (4, 30)  # more tasks than classes, and fewer
        classes = rng.random((tasks, among)).argpartition(3, 1)[:, :3]
        scores = rng.random(tasks)
        closed = interval_over_tasks(scores.tolist())
        opened = interval_over_classes(scores.tolist(), classes.tolist())
        assert opened[0] <= closed[0] + 1e-9 and opened[1] >= closed[1] - 1e-9
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
    first = Comparison("A", "B", "accuracy", True, tuple(rng.normal(0.0, 0.1, 4000)))
    n = first.tasks_to_see(0.03, power=0.8)
    seen = [Comparison("A", "B", "accuracy", True, tuple(rng.normal(0.03, 0.1, n))).p_value < 0.05 for _ in range(300)]
    assert 0.7 <= float(np.mean(seen)) <= 0.9
    with pytest.raises(TaskError, match="must not be 0"):
        first.tasks_to_see(0.0)
