"""Demonstrations: what was shown is what a demonstrator does, runs are scored at their end, and environments become robots."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from quickstudy import evaluate, learners, train
from quickstudy.errors import MissingExtra, TaskError
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Examples
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds import Demonstrations, GymnasiumRobot, MetaworldArm
from tasks.worlds.arms import Hand

GOALS = torch.tensor([[0.5, 0.5], [-0.5, 0.2], [0.0, -0.6]])
WITHOUT = find_spec("metaworld") is None


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path))


def source(**more: Any) -> Demonstrations:
    return Demonstrations(Hand(), GOALS, **{"each": 3, "horizon": 25} | more)


def test_rows_are_what_was_shown() -> None:
    task = source(shots=2).sample(6, generator_of(0))
    assert task.support.x.shape == (6, 50, 2) and task.query.y.shape == (6, 25, 2)
    tasks = source(shots=2)
    plan = tasks.each_once(generator_of(0))
    known = tasks.gather(plan).support
    right = ((GOALS[:, None] - known.x) / 0.2).clamp(-1, 1) * known.mask[..., None]
    torch.testing.assert_close(known.y, right)
    assert plan.task.tolist() == [0, 1, 2] and (plan.known != plan.asked[:, None]).all()


def test_some_demonstrations_may_be_known() -> None:
    """Each number equally often; those that are not known leave no trace."""
    tasks = source(shots=(1, 2))
    plan = tasks.plan(60, generator_of(0))
    known, whole = tasks.gather(plan).support, source(shots=2).gather(plan).support
    assert plan.count.unique().tolist() == [1, 2] and 20 < int((plan.count == 1).sum()) < 40
    few = plan.count == 1
    assert known.x[~few].equal(whole.x[~few]) and known.mask[~few].equal(whole.mask[~few])
    assert known.mask[few][:, :25].equal(whole.mask[few][:, :25]) and not known.mask[few][:, 25:].any()
    assert not known.x[few][:, 25:].any() and not known.y[few][:, 25:].any()
    assert "1 to 2 demonstrations" in tasks.name and tasks.resized(2).shots == 2


def test_a_demonstration_ends_after_the_task_was_done_for_a_while() -> None:
    rows = source(horizon=60, shaking=0.0).everything()
    away = torch.stack([(rows.x - goal).norm(dim=1) for goal in GOALS]).amin(0)
    assert 9 * 15 <= len(rows) <= 9 * 40 and (away < 0.1).sum() >= 9 * 14
    assert rows.mask.all() and source(shaking=0.5).everything().x.shape != rows.x.shape


def test_demonstrations_are_made_once(tmp_path: Path) -> None:
    first = source().everything().x
    assert len(list((tmp_path / "demonstrations").iterdir())) == 1

    class Broken(Hand):
        def begin(self, goal: Tensor, seed: int) -> Tensor:
            raise AssertionError("they are kept")

    again = Demonstrations(Broken(), GOALS, each=3, horizon=25).everything().x
    assert again.equal(first)


def test_a_run_is_scored_at_its_end() -> None:
    def knows(support: Examples) -> Any:
        """The goal is where demonstrations end."""
        goal = support.x[-1]
        return lambda x: ((goal - x) / 0.2).clamp(-1, 1)

    def leaves(support: Examples) -> Any:
        return lambda x: torch.ones_like(x)

    tasks = source(shaking=0.0)
    plan = tasks.each_once(generator_of(0))
    assert evaluate(knows, tasks, plan=plan).scores == (1.0, 1.0, 1.0)
    report = evaluate(leaves, tasks, plan=plan)
    assert report.scores == (0.0, 0.0, 0.0) and report.metric == "success" and report.higher_is_better


def test_a_goal_that_is_seen_stands_beside() -> None:
    tasks = source().with_goal()
    plan = tasks.each_once(generator_of(0))
    known = tasks.gather(plan).support
    assert known.x[..., 2:].equal(GOALS[:, None].expand(-1, 25, -1))
    model = lambda support: lambda x: ((x[:, 2:] - x[:, :2]) / 0.2).clamp(-1, 1)  # noqa: E731
    assert evaluate(model, tasks, plan=plan).mean == 1.0
    assert tasks.resized(3).goal_seen and tasks.resized(3).shots == 3


def test_a_learner_reaches_goals_that_it_was_shown() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learner = learners.ConditionalNeuralProcess(
            MLP(4, (32,), outputs=16), MLP(18, (32, 32), outputs=2), likelihood=Gaussian()
        )
    goals = 1.6 * torch.rand(60, 2, generator=generator_of(4)) - 0.8
    known = Demonstrations(Hand(), goals[:50], horizon=15)
    optimizer = torch.optim.Adam(learner.parameters(), 5e-3)
    for _ in train(learner, known, steps=200, batch=16, optimizer=optimizer):
        pass
    new = Demonstrations(Hand(), goals[50:], each=1, horizon=15)
    plan = new.each_once(generator_of(0))
    assert evaluate(learner, new, plan=plan).mean >= 0.6
    with torch.no_grad():
        learner.each.each.head.weight.zero_()  # type: ignore[union-attr, operator]
    assert evaluate(learner, new, plan=plan).mean <= 0.3, "without what was shown"


class Environment:
    """As of gymnasium: seen is where it is, less where it should be is the action."""

    action_space = SimpleNamespace(low=np.float32(-1), high=np.float32(1), dtype=np.float32)
    shows: Any = None

    def reset(self, *, seed: int, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.goal, self.place = options["goal"], np.random.default_rng(seed).normal(size=2)
        return self._shown(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.place = self.place + 0.5 * action
        return self._shown(), 0.0, bool(np.abs(self.place - self.goal).max() < 0.3), False, {}

    def _shown(self) -> Any:
        return self.place if self.shows is None else self.shows


def test_an_environment_is_a_robot() -> None:
    robot = GymnasiumRobot(Environment(), lambda seen, goal: 2 * (goal - seen))
    first = robot.begin(GOALS[0], 3)
    assert first.equal(robot.begin(GOALS[0], 3)) and not first.equal(robot.begin(GOALS[0], 4)) and robot.name == "Environment"
    robot.begin(GOALS[0], 3)
    seen, done = robot.move(torch.tensor([5.0, 0.0]))
    torch.testing.assert_close(seen, first + torch.tensor([0.5, 0.0]))
    for _ in range(20):
        seen, done = robot.move(robot.shown())
    assert done and (seen - GOALS[0]).abs().max() < 1e-5


@pytest.mark.parametrize("shown", [{"a": 1}, np.ones((2, 2)), np.array([np.nan]), "here"], ids=["dict", "matrix", "nan", "text"])
def test_what_is_no_vector_is_refused(shown: Any) -> None:
    environment = Environment()
    environment.shows = shown
    with pytest.raises(TaskError, match="instead of a vector of finite numbers"):
        GymnasiumRobot(environment, lambda seen, goal: seen).begin(GOALS[0], 0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"shots": 0}, "shots=0"),
        ({"each": 1, "shots": 2}, "each=1 demonstrations cannot give shots=2"),
        ({"each": 2, "shots": (1, 3)}, "each=2 demonstrations cannot give shots=3"),
        ({"shots": (2, 1)}, "the least is above the most"),
        ({"shots": (0, 1)}, "shots=0"),
        ({"shots": 1.5}, "shots=1.5"),
        ({"horizon": 0}, "horizon=0"),
        ({"shaking": -1.0}, "shaking=-1.0"),
    ],
)
def test_what_cannot_be_built(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        source(**wrong)


@pytest.mark.parametrize("goals", [torch.zeros(0, 2), torch.zeros(3)])
def test_goals_are_rows(goals: Tensor) -> None:
    with pytest.raises(TaskError, match="a row of numbers for each goal"):
        Demonstrations(Hand(), goals)


def test_another_task_of_the_arm_is_named() -> None:
    with pytest.raises(TaskError, match="push-v3"):
        MetaworldArm("dance-v3")


@pytest.mark.skipif(not WITHOUT, reason="metaworld is installed")
def test_the_extra_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"quickstudy\[robots\]"):
        MetaworldArm()


@pytest.mark.skipif(WITHOUT, reason='needs Metaworld: pip install "quickstudy[robots]"')
def test_the_arm_hides_its_goal_and_starts_elsewhere() -> None:
    arm = MetaworldArm()
    goals = arm.goals(2, 0)
    first, other = arm.begin(goals[0], 1), arm.begin(goals[0], 2)
    assert first.equal(arm.begin(goals[0], 1)) and (first[4:6] - other[4:6]).norm() > 0.01 and first.shape == (10,)
    arm.begin(goals[0], 1)
    done = False
    for _ in range(120):
        _, done = arm.move(arm.shown())
    assert done
    assert not np.any(arm.seen[-3:]), "the goal is hidden"
