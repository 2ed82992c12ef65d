"""Navigation: the plane and mazes by hand, tries of whoever acts, and the run that counts."""

from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.task import Examples
from quickstudy.tasks import Navigation
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds import Maze, Points, mazes
from quickstudy.tasks.worlds.mazes import steps_to, walls_of
from quickstudy.tasks.worlds.points import distance, luck_wide, onward, reset, step


def luck(batch: int, cells: int = 0, seed: int = 0) -> Tensor:
    return torch.rand(batch, luck_wide(cells), generator=generator_of(seed))


def test_the_plane_by_hand() -> None:
    points = reset(torch.tensor([[0.8, 0.9]]), runs=2)
    assert points.place.tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    torch.testing.assert_close(distance(points), torch.full((1, 2), 0.5))
    points, reward = step(points, torch.tensor([[[1.0, 1.0], [-5.0, 0.5]]]))
    torch.testing.assert_close(points.place, torch.tensor([[[0.1, 0.1], [-0.1, 0.05]]]))
    torch.testing.assert_close(reward[0, 0], -torch.tensor([0.2, 0.3]).norm())


def test_a_run_ends_at_the_goal() -> None:
    points = reset(torch.tensor([[0.55, 0.5]]), runs=1)
    points, reward = step(points, onward(points))
    assert points.there.item() == 1 and abs(reward.item()) < 1e-6
    again, reward = step(points, torch.ones(1, 1, 2))
    assert again.place.equal(points.place) and reward.item() == 0


def corridor() -> Points:
    """Three cells a side; from the middle one has to go left, up, up... around a wall to the cell above the middle."""
    right, up = torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)
    right[0, 0, 1] = right[0, 0, 2] = 1.0
    up[0, 0, 1] = 1.0
    maze, goal = Maze(right, up), torch.tensor([[0.0, 1 / 3]])
    away, side = steps_to(maze, torch.tensor([[1, 2]]))
    return Points(torch.zeros(1, 1, 2), goal, torch.zeros(1, 1), maze, away, side)


def test_walls_stop_a_point_and_doors_do_not() -> None:
    points = corridor()
    for _ in range(5):
        points, _ = step(points, torch.tensor([[[0.5, 1.0]]]))
    assert (points.place < 1 / 6).all() and (points.place > 1 / 6 - 0.01).all(), "above and on the right are walls"
    points = corridor()
    for _ in range(3):
        points, _ = step(points, torch.tensor([[[-1.0, 0.0]]]))
    torch.testing.assert_close(points.place[0, 0], torch.tensor([-0.3, 0.0]))


def test_the_way_in_a_maze() -> None:
    points = corridor()
    assert points.away is not None and points.away[0, 1, 1] == 3 and points.away[0, 0, 1] == 2
    torch.testing.assert_close(distance(points), torch.ones(1, 1), msg="three cells, though it is a third away")
    for _ in range(12):
        before = distance(points)
        points, reward = step(points, onward(points))
        assert (distance(points) < before).all() or points.there.all()
    assert points.there.all() and reward.item() == 0


def test_mazes_are_trees() -> None:
    """Every cell is reached, on one way only, and mazes differ."""
    found = mazes(torch.rand(40, walls_of(5), generator=generator_of(3)), 5)
    assert (found.right + found.up).sum((1, 2)).unique().tolist() == [24.0]
    away, _ = steps_to(found, torch.full((40, 2), 2))
    assert away.max() <= 24 and (away == 0).sum((1, 2)).unique().tolist() == [1]
    assert found.right.unique(dim=0).shape[0] > 30 and not found.right[:, -1].any() and not found.up[:, :, -1].any()


@pytest.mark.parametrize("cells", [0, 3, 5])
def test_the_shortest_way_arrives(cells: int) -> None:
    points = reset(luck(50, cells), 1, cells)
    assert points.goal.abs().max() <= 0.5
    for _ in range(60):
        points, _ = step(points, onward(points))
    assert points.there.all()


class Goes:
    """Always one action; notes what it was shown."""

    def __init__(self, *action: float) -> None:
        self.action, self.shown = torch.tensor(action), []  # type: ignore[var-annotated]

    def __call__(self, support: Examples, x: Tensor, *, last: bool = False) -> Tensor:
        self.shown.append((len(support.mask[0]), tuple(x.shape), last))
        return self.action.expand_as(x)


def test_rounds_of_tries_and_the_run_that_counts() -> None:
    source = Navigation(2, tries=3, horizon=4)
    plan, act = source.plan(5, generator_of(0)), Goes(0.5, 0.0)
    scores, met = source.interact(plan, act)
    rounds = [(count, (5, 3, 2), False) for count in (0, 12) for _ in range(4)]
    assert act.shown == [*rounds, *[(24, (5, 1, 2), True)] * 4]
    places = torch.tensor([[0.05 * t, 0.0] for t in range(1, 5)])
    expected = -(places - (plan.luck[:, None] - 0.5)).norm(dim=-1).sum(1)
    torch.testing.assert_close(scores, expected)
    assert met.y[..., -1].unique().tolist() == [0.0, 1.0]
    first = met.y[:, :12, :2].view(5, 3, 4, 2) - torch.tensor([0.5, 0.0])
    torch.testing.assert_close(first, 0.5 * plan.noise[:, 0])
    assert (scores <= source.best(plan) + 1e-6).all()


def test_meta_training_tasks_have_each_number_of_rounds() -> None:
    source = Navigation(2, tries=3, horizon=4)
    plan = source.plan(30, generator_of(1))
    task = source.gather(plan, Goes(0.1, 0.2))
    assert task.support.mask.sum(1).equal(12.0 * plan.rounds) and plan.rounds.unique().tolist() == [0, 1, 2]
    assert task.query.y[..., -1].equal(plan.rounds[:, None].expand(-1, 12).float())
    assert (task.query.y[..., 2] == task.query.mask).all(), "the way is shown, with advantage 1"
    way = (plan.luck - 0.5)[:, None] - task.query.x
    real = task.query.mask > 0
    same = torch.nn.functional.cosine_similarity(task.query.y[..., :2], way, dim=-1)[real]
    torch.testing.assert_close(same, torch.ones_like(same))


def test_before_its_own_tries_they_drift_by_chance_and_queries_are_anywhere() -> None:
    source = Navigation(2, tries=3, horizon=4, after=5)
    assert not source.at(4).own and source.at(5).own and not Navigation(1, shown=False, after=5).at(0).shown
    plan, act = source.plan(20, generator_of(1)), Goes(0.1, 0.2)
    task = source.at(4).gather(plan, act)
    assert not act.shown and task.support.mask.sum(1).equal(12.0 * plan.rounds)
    tried = task.support.y[..., :2].view(20, 2, 3, 4, 2) - plan.drift[:, :, :, None]
    seen = (torch.arange(2) < plan.rounds[:, None])[:, :, None, None, None] & (task.support.mask.view(20, 2, 3, 4, 1) > 0)
    torch.testing.assert_close(torch.where(seen, tried, 0), torch.where(seen, 0.5 * plan.noise[:, :2], 0))
    assert task.query.mask.all() and task.query.x.abs().max() > 0.5
    way = (plan.luck - 0.5)[:, None] - task.query.x
    same = torch.nn.functional.cosine_similarity(task.query.y[..., :2], way, dim=-1)
    torch.testing.assert_close(same, torch.ones_like(same))
    near = (way.norm(dim=-1) < 0.3).float().mean()
    assert 0.4 < near < 0.85, "half of them are near the goal"


def test_meta_training_may_leave_out_small_numbers_of_rounds() -> None:
    plan = Navigation(3, tries=2, horizon=2, least=2).plan(40, generator_of(1))
    assert plan.rounds.unique().tolist() == [2, 3]


def test_queries_may_hold_tries_by_their_advantage() -> None:
    source = Navigation(1, tries=4, horizon=5, shown=False)
    plan = source.plan(6, generator_of(1))
    query = source.gather(plan, Goes(0.0, 0.0)).query
    noise = plan.noise[torch.arange(6), plan.rounds].flatten(1, 2)
    torch.testing.assert_close(query.y[..., :2], 0.5 * noise * query.mask[..., None])
    torch.testing.assert_close(query.y[..., 2].sum(1), torch.zeros(6), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rounds": -1}, "rounds=-1"),
        ({"tries": 0}, "tries=0"),
        ({"horizon": 0}, "horizon=0"),
        ({"horizon": 2.5}, "horizon=2.5"),
        ({"cells": 4}, "cells=4 is even"),
        ({"cells": -3}, "cells=-3"),
        ({"after": -1}, "after=-1"),
        ({"rounds": "two"}, "rounds='two'"),
        ({"least": 4}, "least=4 must be a whole number from 0 to rounds=3"),
        ({"least": 0.5}, "least=0.5"),
    ],
)
def test_what_cannot_be_built(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        Navigation(**wrong)
