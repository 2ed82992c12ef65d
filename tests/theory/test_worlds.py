"""Each test rejects as often as it says in the world it names: measured by simulation under two null hypotheses, and its power.

The difference of two models in a task is the sum of effects of its classes and noise. Closed null: the effects of these classes
add up to nothing, tasks are drawn anew. Open null: the classes are drawn anew too, with effects of mean 0.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from quickstudy.reports.comparison import Comparison
from quickstudy.reports.ranking import rank
from quickstudy.reports.report import Report
from quickstudy.reports.worlds import World

ROUNDS = 500
Effects = Callable[[np.random.Generator, int], NDArray[np.float64]]


def open_null(rng: np.random.Generator, among: int) -> NDArray[np.float64]:
    return rng.normal(0, 0.02, among)


def closed_null(rng: np.random.Generator, among: int) -> NDArray[np.float64]:
    effects = open_null(rng, among)
    return effects - effects.mean()


def drawn(rng: np.random.Generator, effects: NDArray[np.float64], tasks: int, shift: float) -> Comparison:
    classes = rng.random((tasks, len(effects))).argpartition(5, 1)[:, :5]
    differences = shift + effects[classes].sum(1) + rng.normal(0, 0.03, tasks)
    return Comparison("A", "B", "accuracy", True, tuple(differences.tolist()), tuple(map(tuple, classes.tolist())))


def rejected(effects: Effects, among: int, tasks: int, shift: float = 0.0, rounds: int = ROUNDS) -> dict[World, float]:
    """How often each world's test calls one of the models better."""
    rng = np.random.default_rng(among + tasks)
    pairs = [drawn(rng, effects(rng, among), tasks, shift) for _ in range(rounds)]
    worlds: tuple[World, World] = ("tasks", "classes")
    return {world: float(np.mean([pair.better(world) is not None for pair in pairs])) for world in worlds}


def by_chance(share: float, rounds: int = ROUNDS) -> float:
    """Three standard errors of a share among so many rounds."""
    return 3 * math.sqrt(share * (1 - share) / rounds)


@pytest.mark.parametrize(("among", "tasks"), [(30, 200), (60, 200), (100, 400)])
def test_with_new_classes_only_the_open_test_keeps_its_level(among: int, tasks: int) -> None:
    found = rejected(open_null, among, tasks)
    assert found["tasks"] > 0.4, "the closed test finds a difference where there is none"
    assert abs(found["classes"] - 0.05) <= by_chance(0.05)


def test_with_the_same_classes_the_closed_test_keeps_its_level_and_the_open_one_is_careful() -> None:
    found = rejected(closed_null, 40, 150)
    assert abs(found["tasks"] - 0.05) <= by_chance(0.05)
    assert found["classes"] <= found["tasks"]


def test_without_class_effects_both_keep_their_level() -> None:
    found = rejected(lambda rng, among: np.zeros(among), 60, 150)
    assert abs(found["tasks"] - 0.05) <= by_chance(0.05)
    assert found["classes"] <= 0.05 + by_chance(0.05)


def test_both_find_a_difference_that_is_there() -> None:
    """Its standard error over 60 classes is 5 · 0.02 / √60 ≈ 0.013: a shift of 0.045 is 3.4 of them."""
    found = rejected(open_null, 60, 200, shift=0.045, rounds=200)
    assert found["tasks"] > 0.95 and found["classes"] > 0.85


def test_the_sign_flip_test_is_closed_as_well() -> None:
    """As a permutation test over tasks it keeps its level for the same classes, and not for new ones."""
    rng, rounds = np.random.default_rng(7), 150
    closed, opened = (
        np.mean([drawn(rng, effects(rng, 40), 100, 0.0).sign_flip_p < 0.05 for _ in range(rounds)])
        for effects in (closed_null, open_null)
    )
    assert abs(closed - 0.05) <= by_chance(0.05, rounds)
    assert opened > 0.4


def test_a_ranking_under_the_open_null_separates_equals_in_the_closed_world_alone() -> None:
    """Holm holds for the whole ranking: in at most 5 % of all rounds is any of three equal models set apart."""
    rng, rounds = np.random.default_rng(11), 60
    alarms: dict[World, int] = {"tasks": 0, "classes": 0}
    for _ in range(rounds):
        classes = rng.random((100, 40)).argpartition(5, 1)[:, :5]
        models = [0.6 + open_null(rng, 40)[classes].sum(1) / 2 + rng.normal(0, 0.03, 100) for _ in range(3)]
        told = {"metric": "share", "higher_is_better": True, "digest": "d", "seed": 0, "transductive": False, "norm": "none"}
        rest = {"seconds": 0.0, "state_bytes": 0, "classes": tuple(map(tuple, classes.tolist()))}
        ranking = rank([Report(f"m{i}", "toys", scores=tuple(s.tolist()), **told, **rest) for i, s in enumerate(models)])  # type: ignore[arg-type]
        for world in alarms:
            alarms[world] += ranking.together(world) != [ranking.models]
    assert alarms["tasks"] / rounds > 0.4
    assert alarms["classes"] / rounds <= 0.05 + by_chance(0.05, rounds)
