"""Simulated users: they choose as Bradley and Terry say, and a row of padding is none."""

import pytest
import torch

from quickstudy.errors import TaskError
from quickstudy.tasks import SimulatedUsers
from quickstudy.tasks.source import generator_of


def test_choices_follow_the_utility() -> None:
    source = SimulatedUsers(1, 400)
    plan = source.plan(300, generator_of(0))
    chance = (2 * source.preferred(plan)).sigmoid()[:, 1:]
    chosen = source.gather(plan).query.y[..., 0]
    for low in (0.1, 0.3, 0.5, 0.7):
        here = (chance > low) & (chance < low + 0.1)
        assert abs(float(chosen[here].mean() - chance[here].mean())) < 0.02


def test_a_utility_is_computed_by_hand() -> None:
    plan = SimulatedUsers(1, 1).plan(1, generator_of(0))
    weight, ideal = plan.weight[0], plan.ideal[0]
    a, b = plan.pairs[0, 1]
    worth = [(trait * weight).sum() + 2.5 * torch.exp(-((trait[:2] - ideal) ** 2) / 2).sum() for trait in (a, b)]
    torch.testing.assert_close(SimulatedUsers.preferred(plan)[0, 1], worth[0] - worth[1])


def test_padding_says_nothing() -> None:
    source = SimulatedUsers((1, 4), 2)
    task = source.sample(200, generator_of(0))
    counts = task.support.mask.sum(1)
    assert set(counts.tolist()) == {1.0, 2.0, 3.0, 4.0}
    assert bool((task.support.y[task.support.mask == 0] == 0).all())


def test_rows_are_read_by_name() -> None:
    reads = SimulatedUsers().reads
    assert reads.names[0] == "a_speed" and reads.names[6] == "b_speed"  # type: ignore[attr-defined]
    row = {name: float(number) for number, name in enumerate(reads.names)}  # type: ignore[attr-defined]
    assert reads(row).tolist() == [*map(float, range(11)), 10.0], "numbers are kept within ten deviations"


def test_shots_in_order() -> None:
    with pytest.raises(TaskError, match="the least is above the most"):
        SimulatedUsers((5, 2))
