"""The gripper in MuJoCo: bars end as statics say, the same things decide, and tries are those of who acts."""

from importlib.util import find_spec

import pytest
import torch

from quickstudy.errors import MissingExtra
from quickstudy.tasks import Grasping
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds import OUTCOMES, Bars, MujocoGripper, PlanarGripper, reset
from tasks.worlds.test_grasping import Scripted, bar

WITHOUT = find_spec("mujoco") is None
needs_mujoco = pytest.mark.skipif(WITHOUT, reason='needs MuJoCo: pip install "quickstudy[robots]"')
FIRM = (25 - 3) / 27


def ends(bars: Bars, place: float, force: float) -> str:
    found = MujocoGripper().chances(bars, torch.tensor([[place, force]]))[0]
    assert found.sum() == 1 and found.max() == 1
    return OUTCOMES[int(found.argmax())]


@pytest.mark.skipif(not WITHOUT, reason="mujoco is installed")
def test_the_extra_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"quickstudy\[robots\]"):
        MujocoGripper()


@needs_mujoco
def test_each_way_to_fail() -> None:
    assert ends(bar(), 0.0, FIRM) == "lifted"
    assert ends(bar(mass=1.0, length=0.4), 0.9, FIRM) == "tilts left", "held on its right end, the left one hangs down"
    assert ends(bar(mass=1.0, length=0.4), -0.9, FIRM) == "tilts right"
    assert ends(bar(mass=1.0), 0.0, 0.0) == "slips"
    assert ends(bar(crush=20.0), 0.0, FIRM) == "crushed"
    assert ends(bar(mass=1.0, length=0.4, centre=0.9), 0.9, FIRM) == "lifted", "the centre of mass decides, not the middle"


@needs_mujoco
@pytest.mark.parametrize(("share", "ended"), [(0.7, "slips"), (1.4, "lifted")])
def test_friction_decides_as_in_statics(share: float, ended: str) -> None:
    """A bar of weight m g is held where 2 μ f is above it."""
    force = share * 0.5 * 9.81 / (2 * 0.5)
    assert ends(bar(), 0.0, (force - 3) / 27) == ended


@needs_mujoco
def test_it_agrees_with_the_plane_on_most_grasps() -> None:
    bars = reset(torch.rand(60, 7, generator=generator_of(0)))
    grasp = torch.rand(60, 2, generator=generator_of(1)) * torch.tensor([2.0, 1.0]) - torch.tensor([1.0, 0.0])
    simulated, expected = MujocoGripper().chances(bars, grasp).argmax(1), PlanarGripper().chances(bars, grasp).argmax(1)
    assert (simulated == expected).float().mean() > 0.6 and len(simulated.unique()) >= 4


@needs_mujoco
def test_tries_are_made_in_it() -> None:
    gripper = MujocoGripper()
    source = Grasping(1, gripper=gripper)
    plan = source.plan(4, generator_of(0))
    scores, met = source.interact(plan, Scripted([(0.0, 0.5), (0.0, 1.0)]))
    bars = reset(plan.bar)
    assert met.y[:, 0].equal(gripper.chances(bars, torch.tensor([0.0, 0.5]).expand(4, 2)))
    assert scores.equal(gripper.chances(bars, torch.tensor([0.0, 1.0]).expand(4, 2))[:, 0])
    assert "MuJoCo" in source.name and "MuJoCo" not in Grasping(1).name
