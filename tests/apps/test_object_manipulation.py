"""Object manipulation: the learner reads how its tries ended, and the methods beside it are what they say."""

from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy import evaluate
from quickstudy.apps import object_manipulation as app
from quickstudy.apps.parts.grasp_methods import (
    best_fixed,
    bisection,
    gaussian_process,
    population_map,
    repeated,
    simulator_known,
)
from quickstudy.errors import TaskError
from quickstudy.execution.batching import over_tasks
from quickstudy.task import Examples
from quickstudy.tasks import Grasping
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds import grasps, reset, step

LIFTED, LEFT, RIGHT, SLIPS, CRUSHED = range(5)


def offered(outline: float = 0.0) -> Tensor:
    """All grasps of a bar whose outline's middle is there."""
    return torch.cat([torch.tensor([[0.0, 2 * outline, 0.0]]).expand(325, -1), grasps()], 1)


def tried(*grasped: tuple[float, float, int]) -> Examples:
    rows = [[0.0, 0.0, 0.0, place, force] for place, force, _ in grasped]
    ends = torch.nn.functional.one_hot(torch.tensor([end for *_, end in grasped], dtype=torch.long), 5).float()
    return Examples(torch.tensor(rows).view(-1, 5), ends.view(-1, 5), torch.ones(len(grasped)))


def chosen(model: Any, support: Examples, outline: float = 0.0) -> tuple[float, float]:
    place, force = grasps()[model(support)(offered(outline)).argmax()].tolist()
    return round(place, 4) + 0.0, round(force, 4)


def flat(x: Tensor) -> Tensor:
    """A map whose best grasp is in the middle at half force."""
    return torch.exp(-(x[:, 3:] - torch.tensor([0.0, 0.5])).square().sum(1))


def test_it_learns_from_how_tries_end() -> None:
    """After a short training, exchanged ends of the same tries, or no tries, predict worse how other grasps end."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = app.recipe(steps=300, batch=16, width=32, lr=1e-2, after=1.0)
    for _ in recipe.records(seed=0):
        pass
    source, learner = Grasping(8, 40, own=0.0), recipe.learner.eval()
    plan = source.plan(60, generator_of(3))
    query = source.gather(plan).query
    bars = reset(plan.bar)
    ends = step(bars, plan.grasp, plan.luck)[1][:, :8]
    x = torch.cat([bars.seen[:, None].expand(-1, 8, -1), plan.grasp[:, :8]], 2)

    def loss(y: Tensor, mask: Tensor) -> float:
        def predicted(task: tuple[Examples, Tensor]) -> Tensor:
            return learner.predict(learner.adapt(task[0]), task[1])

        with torch.no_grad():
            outputs = over_tasks(predicted, (Examples(x, y, mask), query.x), "vmap").flatten(0, 1)
            return float(learner.likelihood.nll(outputs, query.y.flatten(0, 1), query.mask.flatten()))

    tried = loss(ends, torch.ones(60, 8))
    assert loss(ends.roll(3, 1), torch.ones(60, 8)) > tried + 0.02
    assert loss(torch.zeros_like(ends), torch.zeros(60, 8)) > tried + 0.02


def test_settings_are_the_same_bars() -> None:
    settings = app.settings(app.recipe(steps=1))
    assert list(settings) == ["0 tries", "1 try", "2 tries", "4 tries", "8 tries"]
    plans = {id(setting.plan) for setting in settings.values()}
    assert len(plans) == 1 and [len(setting.promises) for setting in settings.values()] == [0, 0, 0, 2, 2]


@pytest.mark.skipif(find_spec("mujoco") is None, reason='needs MuJoCo: pip install "quickstudy[robots]"')
def test_bars_may_be_grasped_in_mujoco() -> None:
    """The same bars, nothing is promised; meta-training stays in the plane."""
    recipe = app.recipe(steps=1, gripper="mujoco")
    settings = app.settings(recipe)
    assert all("MuJoCo" in setting.test.name and not setting.promises for setting in settings.values())
    assert "MuJoCo" not in recipe.train.name
    one = settings["1 try"]
    assert set(evaluate(best_fixed(flat), one.test, plan=one.plan, limit=6).scores) <= {0.0, 1.0}


@pytest.mark.parametrize("wrong", ["Mujoco", "", "real", None, 3])
def test_another_gripper_is_refused(wrong: Any) -> None:
    with pytest.raises(TaskError, match="gripper=.* must be one of 'planar', 'mujoco'"):
        app.recipe(gripper=wrong)


def test_bisection_reads_how_a_try_failed() -> None:
    model = bisection(flat)
    assert chosen(model, tried()) == (0.0, 0.5)
    assert abs(chosen(model, tried(), 0.25)[0] - 0.25) < 0.05, "it begins at the outline's middle"
    place, _ = chosen(model, tried((0.0, 0.5, LEFT)))
    assert abs(place + 0.25) < 0.05, "held too far on the right"
    place, _ = chosen(model, tried((0.0, 0.5, LEFT), (-0.25, 0.55, RIGHT)))
    assert abs(place + 0.125) < 0.05
    assert chosen(model, tried((0.0, 0.5, SLIPS)))[1] == 0.75
    assert chosen(model, tried((0.0, 0.5, CRUSHED)))[1] == 0.25
    assert chosen(model, tried((0.5, 0.25, LIFTED), (0.0, 0.5, LEFT))) == (0.5, 0.25)


def test_other_methods_are_what_they_say() -> None:
    assert chosen(best_fixed(flat), tried((0.0, 0.5, SLIPS))) == (0.0, 0.5)
    assert chosen(repeated(flat), tried((0.5, 0.25, LIFTED))) == (0.5, 0.25)
    place, force = chosen(repeated(flat), tried((0.0, 0.5, SLIPS)))
    assert 0.05 < abs(place) + abs(force - 0.5) < 0.6, "near, but not there again"
    process = gaussian_process(flat, place=0.3, force=0.3, noise=0.05, by="ucb")
    assert chosen(process, tried()) == (0.0, 0.5)
    assert chosen(process, tried((0.5, 0.25, LIFTED)))[0] > 0.1
    assert chosen(process.trying, tried((0.0, 0.5, SLIPS))) != (0.0, 0.5)
    thompson = gaussian_process(flat, place=0.3, force=0.3, noise=0.05, by="thompson")
    assert chosen(thompson.trying, tried()) == chosen(thompson.trying, tried()), "the same luck for the same tries"


def test_the_map_of_all_bars() -> None:
    found = population_map()(offered())
    best = grasps()[found.argmax()]
    assert abs(float(best[0])) < 0.1 and 0.3 < float(found.max()) < 0.7


def test_bayes_rule_is_above_all() -> None:
    """With the simulator known, a wrong place is left after one try, and few tries are near the best there is."""
    model = simulator_known(2000, 50)
    assert chosen(model, tried((0.0, 0.5, LEFT)))[0] < -0.05
    source = Grasping(4)
    plan = source.plan(5, generator_of(2))
    known, fixed = (evaluate(each, source, plan=plan).mean for each in (model, best_fixed(population_map())))
    assert fixed < known <= float(source.best(plan).mean()) and reset(plan.bar).seen.shape == (5, 3)
