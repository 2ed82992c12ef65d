"""Navigation: the learner reads what its tries brought, and the methods beside it are what they say."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy import evaluate, load, save
from quickstudy.apps import navigation as app
from quickstudy.apps import navigation_mazes
from quickstudy.apps.parts.navigation_methods import best_try, from_distances, meta_policy, pooled_policy, random_policy, sweep
from quickstudy.cli import exporting
from quickstudy.errors import UserError
from quickstudy.execution.acting import ActingFunction
from quickstudy.execution.batching import over_tasks
from quickstudy.export import export_onnx
from quickstudy.runs.run import Run
from quickstudy.task import Examples
from quickstudy.tasks import Navigation
from quickstudy.tasks.source import generator_of

GOAL = torch.tensor([0.3, -0.2])


def gone(*tries: list[tuple[float, float]], goal: Tensor = GOAL) -> Examples:
    """Tries of actions in the plane, and what they brought."""
    x, y = [], []
    for number, actions in enumerate(tries):
        place = torch.zeros(2)
        for action in actions:
            x.append(place)
            place = place + 0.1 * torch.tensor(action)
            y.append([*action, 0.0, -float((place - goal).norm()), float(number)])
    return Examples(torch.stack(x), torch.tensor(y), torch.ones(len(y)))


NONE = Examples(torch.zeros(0, 2), torch.zeros(0, 5), torch.zeros(0))


def test_it_learns_from_its_tries() -> None:
    """After a short training, no tries, or what they brought exchanged, show the way worse; and with tries it gets nearer."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = app.recipe(steps=150, batch=16, width=32, own=0.0, tries=20, horizon=12)
    for _ in recipe.records(seed=0):
        pass
    learner, source = recipe.learner.eval(), Navigation(3, tries=4, horizon=12, after=1).at(0)
    task = source.gather(source.plan(60, generator_of(3)))
    tasks = task[task.support.mask.any(1)]

    def loss(y: Tensor, mask: Tensor) -> float:
        def predicted(task: tuple[Examples, Tensor]) -> Tensor:
            return learner.predict(learner.adapt(task[0]), task[1])

        with torch.no_grad():
            outputs = over_tasks(predicted, (Examples(tasks.support.x, y, mask), tasks.query.x), "vmap").flatten(0, 1)
            return float(learner.likelihood.nll(outputs, tasks.query.y.flatten(0, 1), tasks.query.mask.flatten()))

    known, mask = tasks.support.y, tasks.support.mask
    tried = loss(known, mask)
    exchanged = torch.cat([known[..., :2], known[..., 2:].roll(1, 0)], -1)
    assert loss(exchanged, mask) > 1.3 * tried and loss(0 * known, 0 * mask) > 1.3 * tried, tried
    none, one = (evaluate(learner, Navigation(k, tries=4, horizon=12), tasks=40).mean for k in (0, 1))
    assert one > none + 0.5, (none, one)


def test_settings_are_the_same_goals() -> None:
    settings = app.settings(app.recipe(steps=1))
    assert list(settings) == ["0 updates", "1 update", "2 updates", "3 updates"]
    assert len({id(setting.plan) for setting in settings.values()}) == 1
    assert [len(setting.promises) for setting in settings.values()] == [0, 1, 1, 1]
    mazes = navigation_mazes.settings(navigation_mazes.recipe(steps=1))
    assert all("mazes of 3 x 3" in setting.test.name and not setting.promises for setting in mazes.values())


def test_the_goal_is_computed_from_distances() -> None:
    support = gone([(1.0, 0.0), (0.0, 1.0)], [(0.5, 0.5)])
    action = from_distances(support)(torch.tensor([[0.0, 0.0], [0.28, -0.2]]))
    torch.testing.assert_close(action, torch.tensor([[1.0, -2 / 3], [0.2, 0.0]]), atol=1e-3, rtol=0)
    assert from_distances(NONE)(torch.ones(1, 2)).tolist() == [[0.0, 0.0]]


def test_a_sweep_searches_and_remembers() -> None:
    star = sweep().trying(NONE)(torch.zeros(4, 2))
    torch.testing.assert_close(star, torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), atol=1e-6, rtol=0)
    support = gone([(1.0, 0.0), (1.0, 0.0), (1.0, 0.0)], [(0.0, 1.0)])
    torch.testing.assert_close(sweep()(support)(torch.tensor([[0.25, 0.0]])), torch.tensor([[0.5, 0.0]]))
    around = sweep().trying(support)(torch.tensor([[0.3, 0.0]]).expand(4, -1))
    assert around.norm(dim=1).min() > 0.4 and around.sum(0).norm() < 1e-5
    assert sweep()(NONE)(torch.zeros(1, 2)).tolist() == [[0.0, 0.0]]


def test_the_best_try_is_gone_again() -> None:
    """Around a corner and no further than its best step, whatever later ones did."""
    wanted = [(0.0, -1.0), (0.0, -1.0), (1.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
    steers = best_try()(gone([(1.0, 1.0)], wanted, [(-1.0, 0.0)], goal=torch.tensor([0.2, -0.2])))
    place = torch.zeros(1, 2)
    for _ in range(8):
        place = place + 0.1 * steers(place)
    torch.testing.assert_close(place, torch.tensor([[0.2, -0.2]]))
    assert best_try()(NONE)(torch.ones(2, 2)).equal(torch.zeros(2, 2))


def test_policies_step_as_they_say() -> None:
    """Without meta-training both start alike, a larger step moves further, and one round is one step."""
    source, support = Navigation(2, tries=2, horizon=3), gone([(1.0, 0.0), (0.0, 1.0)])
    given = support.replace(support.x)
    y = given.y.clone()
    y[:, 2], y[:, -1] = torch.tensor([1.0, -1.0]), 0.0
    given = Examples(given.x, y, given.mask)
    small, large = (random_policy(source, first, 0.5)(given)(torch.zeros(1, 2)) for first in (0.1, 0.2))
    start = random_policy(source, 0.1, 0.5)(NONE)(torch.zeros(1, 2))
    assert (large - start).norm() > 1.5 * (small - start).norm() > 0
    pooled = pooled_policy(source, 0.1, 0.5, steps=2)
    assert [rate.item() for rate in pooled.step_sizes().values()] == pytest.approx([0.1, 0.05])
    meta = meta_policy(source, 0.25, steps=2)
    first, later = (rate.item() for rate in meta.step_sizes().values())
    assert later == pytest.approx(0.25 * first) and 0.09 < first < 0.11 and first != 0.1, "the first is meta-learned"


def test_functions_are_fitted_once_a_round() -> None:
    fits = []

    def fitted(support: Examples) -> Any:
        fits.append(len(support))
        return torch.zeros_like

    Navigation(2, tries=2, horizon=3).interact(Navigation(2, tries=2, horizon=3).plan(2), ActingFunction(fitted))
    assert fits == [0, 0, 6, 6, 12, 12]


def test_an_adapted_learner_is_saved_and_answers_alike(tmp_path: Path) -> None:
    predictor = app.recipe(steps=1).learner(gone([(1.0, 0.0), (0.0, 1.0)]))
    place = torch.tensor([[0.1, 0.2]])
    save(predictor, tmp_path / "there")
    assert load(tmp_path / "there")(place).equal(predictor(place)) and predictor(place).shape == (1, 2)


@pytest.mark.slow
def test_an_export_looks_for_a_task_with_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "run", "application navigation", {"steps": 1, "batch": 2, "tries": 2, "horizon": 3}, 0)
    for _ in run.train():
        pass
    first = next(seed for seed in range(30) if not run.recipe().test.sample(1, generator_of(seed)).support.mask.any())
    monkeypatch.setattr("quickstudy.tasks.source.generator_of", lambda seed: generator_of(first + seed))
    assert len(exporting._of_the_run(run.folder)) == 6


@pytest.mark.slow
def test_its_program_acts_as_it_does(tmp_path: Path) -> None:
    """ONNX holds how it acts, with what it met among the inputs, and how it takes in what it met."""
    runtime = pytest.importorskip("onnxruntime")
    learner, met = app.recipe(steps=1).learner.eval(), gone([(1.0, 0.0), (0.0, 1.0)])
    found = export_onnx(learner, tmp_path / "go.onnx", like=met, adaptation=tmp_path / "met.onnx")
    assert found.adaptation is not None
    session, place = runtime.InferenceSession(tmp_path / "met.onnx"), torch.tensor([[0.1, 0.2]])
    state = session.run(None, {"x": met.x.numpy(), "y": met.y.numpy(), "mask": met.mask.numpy()})
    names = [each.name for each in session.get_outputs()]
    acts = runtime.InferenceSession(tmp_path / "go.onnx")
    wanted = {each.name for each in acts.get_inputs()}
    given = {name: value for name, value in zip(names, state, strict=True) if name in wanted} | {"x": place.numpy()}
    action = acts.run(None, given)[0]
    torch.testing.assert_close(torch.from_numpy(action), learner(met)(place), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tries": 0}, "tries must be a whole number from 1"),
        ({"own": 1.5}, "own=1.5"),
        ({"own": -0.5}, "own must be a finite number of at least 0"),
        ({"tries": 1.5}, "tries must be a whole number from 1"),
        ({"horizon": -1}, "horizon must be a whole number from 1"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"lr": -1.0}, "lr must be a finite number of at least 0"),
        ({"lr": math.nan}, "lr must be a finite number of at least 0"),
        ({"tries": "many"}, "tries must be a whole number from 1"),
    ],
    ids=["none", "share", "below", "half", "negative", "steps", "rate", "nan", "word"],
)
def test_what_is_wrong_with_a_world(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        app.recipe(**wrong)
