"""The gripper's world: statics by hand, outcomes as often as their chances, tries of whoever acts."""

import math

import pytest
import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.task import Examples
from quickstudy.tasks import Grasping
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds import OUTCOMES, Bars, chances, grasps, reset, step


def bar(**more: float) -> Bars:
    """0.2 m long, of 0.5 kg, rough, strong, heavy in its middle."""
    usual = {"length": 0.2, "outline": 0.0, "centre": 0.0, "friction": 0.5, "mass": 0.5, "crush": 30.0, "hint": 0.5}
    return Bars(**{name: torch.tensor([value]) for name, value in (usual | more).items()})


def ends(bars: Bars, place: float, force: float) -> dict[str, float]:
    found = chances(bars, torch.tensor([[place, force]]))[0]
    return dict(zip(OUTCOMES, found.tolist(), strict=True))


def test_each_way_to_fail() -> None:
    firm = (15 - 3) / 27
    assert ends(bar(), 0.0, firm)["lifted"] > 0.99
    assert ends(bar(), 0.9, firm)["tilts left"] > 0.99, "held on its right end, the left one hangs down"
    assert ends(bar(), -0.9, firm)["tilts right"] > 0.99
    assert ends(bar(), 0.0, 0.0)["slips"] > 0.9
    assert ends(bar(crush=8.0), 0.0, firm)["crushed"] > 0.99
    assert ends(bar(centre=0.9), 0.9, firm)["lifted"] > 0.99, "the centre of mass decides, not the middle"


def test_statics_by_hand() -> None:
    """Just enough friction slips half of the time; the sum of all ways is one."""
    force = 0.5 * 9.81 / (2 * 0.5)
    found = ends(bar(), 0.0, (force - 3) / 27)
    crushed = 1 / (1 + math.exp(-12 * (force / 30 - 1)))
    assert abs(found["slips"] - (1 - crushed) / 2) < 1e-5
    bars = reset(torch.rand(50, 7, generator=generator_of(0)))
    torch.testing.assert_close(chances(bars, grasps().expand(50, -1, -1)).sum(-1), torch.ones(50, 325))


def test_outcomes_are_as_often_as_their_chances() -> None:
    bars = Bars(*[part.expand(20_000) for part in bar(centre=0.2)])
    grasp = torch.tensor([0.5, 0.15]).expand(20_000, 2)
    same, ended = step(bars, grasp, torch.rand(20_000, generator=generator_of(1)))
    assert same is bars
    torch.testing.assert_close(ended.mean(0), chances(bars, grasp)[0], atol=0.015, rtol=0)


class Scripted:
    """Offers the grasps of a list, one after another, and notes what it was shown."""

    def __init__(self, wanted: list[tuple[float, float]]) -> None:
        self.wanted, self.shown, self.lasts = wanted, [], []  # type: ignore[var-annotated]

    def __call__(self, support: Examples, x: Tensor, *, last: bool = False) -> Tensor:
        wanted = torch.tensor(self.wanted[len(self.shown)])
        self.shown.append(support)
        self.lasts.append(last)
        return -(x[..., 3:] - wanted).square().sum(-1, keepdim=True)


def test_tries_are_those_of_who_acts() -> None:
    source = Grasping(2)
    plan = source.plan(6, generator_of(0))
    act = Scripted([(0.0, 0.5), (0.5, 1.0), (-0.5, 0.25)])
    scores, met = source.interact(plan, act)
    assert [float(each.mask.sum()) for each in act.shown] == [0, 6, 12] and act.lasts == [False, False, True]
    torch.testing.assert_close(met.x[..., 3:], torch.tensor([[0.0, 0.5], [0.5, 1.0]]).expand(6, 2, 2))
    bars = reset(plan.bar)
    for number, grasp in enumerate(([0.0, 0.5], [0.5, 1.0])):
        _, ended = step(bars, torch.tensor(grasp).expand(6, 2), plan.luck[:, number])
        assert met.y[:, number].equal(ended)
    torch.testing.assert_close(scores, chances(bars, torch.tensor([-0.5, 0.25]).expand(6, 2))[:, 0])
    assert bool((scores <= source.best(plan) + 1e-6).all())


def test_tasks_hold_own_tries_where_something_acts() -> None:
    source = Grasping(3, own=0.5)
    plan = source.plan(40, generator_of(2))
    random = source.gather(plan)
    own = source.gather(plan, lambda support, x, last=False: -x[..., 4:])  # always the weakest of those offered
    same = (own.support.x == random.support.x).flatten(1).all(1)
    assert same.equal(~plan.own) and 5 < int(same.sum()) < 35
    weakest = plan.options[..., 1].amin(2)
    assert own.support.x[plan.own][..., 4].equal(weakest[plan.own])
    assert own.query.y.equal(random.query.y) and own.support.mask.equal(random.support.mask)
    assert bool((own.support.y.sum(2) == own.support.mask).all()), "each real try has one end"


def test_own_tries_begin_later() -> None:
    source = Grasping(3, after=5)
    assert not bool(source.at(4).plan(50, generator_of(0)).own.any())  # type: ignore[attr-defined]
    assert bool(source.at(5).plan(50, generator_of(0)).own.any())  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", [{"tries": -1}, {"queries": 0}, {"own": 1.5}, {"after": -1}])
def test_what_cannot_be_built(wrong: dict[str, float]) -> None:
    with pytest.raises(TaskError):
        Grasping(**wrong)  # type: ignore[arg-type]
