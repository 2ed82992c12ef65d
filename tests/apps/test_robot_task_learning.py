"""Robot task learning: the methods are what they say, in a world without a simulator; Metaworld where it is installed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from quickstudy import evaluate
from quickstudy.apps import robot_task_learning as app
from quickstudy.apps.parts.cloning_methods import clone, fine_tuned_clone, nearest_rows, replay
from quickstudy.errors import ArgumentError, MissingExtra, TaskError
from quickstudy.task import Examples
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds import Demonstrations
from tasks.worlds.arms import Hand

WITHOUT = find_spec("metaworld") is None
needs_metaworld = pytest.mark.skipif(WITHOUT, reason='needs Metaworld: pip install "quickstudy[robots]"')

SHOWN = Examples(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.ones(2))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path))


def test_replay_and_nearest_rows() -> None:
    again = replay(SHOWN)
    assert [again(torch.rand(1, 2)).tolist() for _ in range(3)] == [[[1.0, 0.0]], [[0.0, 1.0]], [[0.0, 1.0]]]
    assert replay(SHOWN)(torch.zeros(1, 2)).tolist() == [[1.0, 0.0]], "each run begins anew"
    assert nearest_rows(SHOWN)(torch.tensor([[0.9, 0.1], [0.2, 0.0]])).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_clones_of_all_goals_and_of_one() -> None:
    """Goals on two sides: the clone of all does what is right on average, the fine-tuned one what was shown."""
    source = Demonstrations(Hand(), torch.tensor([[3.0, 0.0], [-3.0, 0.0]]), each=3, horizon=8, shaking=0.0)
    pooled = clone(source, steps=200, width=16)(SHOWN)(torch.zeros(1, 2))
    assert pooled[0, 0].abs() < 0.5
    task = source.gather(source.each_once(generator_of(0)))[0]
    start = fine_tuned_clone(source, tuned=0, lr=1e-2, steps=200, width=16)(task.support)(torch.zeros(1, 2))
    tuned = fine_tuned_clone(source, tuned=60, lr=1e-2, steps=200, width=16)(task.support)(torch.zeros(1, 2))
    torch.testing.assert_close(start, pooled)
    assert tuned[0, 0] > pooled[0, 0] + 0.3
    given = clone(source.with_goal(), steps=200, width=16)(SHOWN)
    assert given(torch.tensor([[0.0, 0.0, 3.0, 0.0]]))[0, 0] > 0.7 and given(torch.tensor([[0.0, 0.0, -3.0, 0.0]]))[0, 0] < -0.7


@pytest.mark.skipif(not WITHOUT, reason="metaworld is installed")
def test_the_extra_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"quickstudy\[robots\]"):
        app.recipe()


@pytest.mark.parametrize("wrong", ["dance-v3", "", "push", "PUSH-V3", 3, None])
def test_another_task_is_refused(wrong: Any) -> None:
    with pytest.raises(TaskError, match="must be one of 'push-v3', 'pick-place-v3', 'reach-v3'"):
        app.recipe(task=wrong)


@pytest.mark.parametrize("wrong", [{"goals": 0}, {"tested": 0}, {"goals": 1.5}, {"steps": -1}, {"width": 0}, {"batch": 0}])
def test_numbers_that_cannot_be(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ArgumentError, match=f"{name} must be a whole number from 1"):
        app.recipe(**wrong)


@needs_metaworld
def test_it_reads_what_it_is_shown() -> None:
    """After a short training, demonstrations of another goal predict worse what is done on the way to this one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = app.recipe(task="reach-v3", steps=200, goals=12, tested=6)
    for _ in recipe.records(seed=0):
        pass
    learner, source = recipe.learner.eval(), recipe.test
    assert isinstance(source, Demonstrations)
    tasks = source.gather(source.each_once(generator_of(0)))

    def loss(other: int) -> float:
        found = []
        for number in range(len(tasks.query.mask)):
            task, shown = tasks[number], tasks[(number + other) % len(tasks.query.mask)].support
            with torch.no_grad():
                outputs = learner.predict(learner.adapt(shown), task.query.x)
            found.append(float(learner.likelihood.nll(outputs, task.query.y, task.query.mask)))
        return sum(found) / len(found)

    assert loss(1) > loss(0) + 0.02, (loss(1), loss(0))
    settings = app.settings(recipe)
    assert list(settings) == ["1 demonstration", "3 demonstrations", "5 demonstrations"]
    assert 0 <= evaluate(learner, source, plan=source.each_once(generator_of(0)), limit=2).mean <= 1
