"""Human–robot interaction: it learns from a user's choices, reads choices of one's own, and says what is wrong with a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.tables import written
from quickstudy import evaluate
from quickstudy.apps import human_robot_interaction as app
from quickstudy.apps.parts.choice_methods import fine_tuned, personal, population, squared
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.task import Examples
from quickstudy.tasks import SimulatedUsers
from quickstudy.tasks.source import generator_of

HEAD = ("user", "a_chosen", "a_speed", "a_noise", "b_speed", "b_noise")


def accuracy(model: Any, shots: int, **more: Any) -> float:
    return evaluate(model, SimulatedUsers(shots), tasks=40, seed=3, **more).mean


def test_it_learns_from_the_choices_of_a_user() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = app.recipe(steps=60, batch=16, lr=4e-2, features=4, width=8, components=2)
    for _ in recipe.records(seed=0):
        pass
    learned, few = accuracy(recipe.learner, 20), accuracy(recipe.learner, 1)
    assert learned > few + 0.05 and learned > 0.78, (learned, few)
    assert accuracy(ShuffledSupport(recipe.learner), 20, strategy="loop") < learned - 0.1
    assert accuracy(NoSupport(recipe.learner), 20, strategy="loop") < learned - 0.08


def test_settings_are_new_users() -> None:
    settings = app.settings(app.recipe(steps=1))
    assert list(settings) == ["1 choice", "3 choices", "5 choices", "10 choices", "20 choices"]
    for setting in settings.values():
        assert setting.plan is not None and setting.units is not None and len(setting.plan) == len(setting.units.unique()) == 300
        task = setting.test.gather(setting.plan)
        assert task.support.mask.sum(1).unique().tolist() == [setting.size] and task.query.y.shape[1] == 50


def test_baselines_are_what_they_say() -> None:
    source = SimulatedUsers(30, 20)
    task = source.sample(1, generator_of(5))[0]
    pooled = population(source)(task.support)(task.query.x)
    held = fine_tuned(source, 1e6)(task.support)(task.query.x)
    torch.testing.assert_close(held, pooled, atol=1e-3, rtol=0)
    free = fine_tuned(source, 0.1)(task.support)(task.query.x)
    alone = personal(0.1, True)(task.support)(task.query.x)
    assert (free - alone).abs().mean() < (pooled - alone).abs().mean() / 2
    exchanged = torch.cat([task.query.x[:, 6:], task.query.x[:, :6]], 1)
    torch.testing.assert_close(
        personal(1.0, False)(task.support)(exchanged), 1 - personal(1.0, False)(task.support)(task.query.x)
    )
    assert squared(torch.tensor([[1.0, 2.0, 0.0, 5.0]])).tolist() == [[1.0, -3.0, 1.0, -21.0]]
    one = personal(1.0, True)(Examples(task.support.x[:1], torch.ones(1, 1), torch.ones(1)))
    assert one(task.support.x[:1]).item() > 0.5, "one choice is enough"


def own(users: int = 20, choices: int = 9) -> list[tuple[Any, ...]]:
    """Choices of people of whom every second one likes it slow."""
    draw = np.random.default_rng(0)
    rows = []
    for user in range(users):
        for a, b in draw.normal(50, 10, (choices, 2)):
            rows.append((f"u{user}", int((a > b) == (user % 2 == 0)), a, 1.0, b, draw.normal()))
    return rows


def test_choices_of_ones_own(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.csv", own(), HEAD)
    recipe = app.recipe(data=path, steps=2, features=3, width=4)
    settings = app.settings(recipe)
    assert list(settings) == ["1 choice", "3 choices"], "nine choices, five of which are predicted"
    reads = recipe.reads
    assert reads is not None
    row = reads.batch([{"a_speed": 50, "a_noise": 0, "b_speed": 50, "b_noise": 0}])
    assert row[0, 0] == row[0, 2] and row.shape == (1, 4), "both sides are read on one scale"
    assert len(list(recipe.records(seed=0))) == 2
    assert evaluate(recipe.learner, recipe.test, tasks=3).metric == "accuracy"


GOOD = own(10, 7)


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([row[1:] for row in GOOD], HEAD[1:], "no column 'user'"),
        ([row[:1] + row[2:] for row in GOOD], (HEAD[0], *HEAD[2:]), "no column 'a_chosen'"),
        ([*GOOD, ("u1", 2, 1, 1, 1, 1)], HEAD, "has 2 in row 70"),
        ([*GOOD, ("u1", "a", 1, 1, 1, 1)], HEAD, "a_chosen\" has 'a' in row 70"),
        ([*GOOD, ("", 1, 1, 1, 1, 1)], HEAD, '"user" has no value in row 70'),
        ([*GOOD, ("u1", 1, "fast", 1, 1, 1)], HEAD, "a_speed\" has 'fast' in row 70"),
        ([*GOOD, ("u1", 1, "", 1, 1, 1)], HEAD, 'a_speed" has no value in row 70'),
        ([row[:-1] for row in GOOD], HEAD[:-1], "'a_noise', but no 'b_noise'"),
        ([row[:2] for row in GOOD], HEAD[:2], "no column begins with a_ or b_"),
        ([row for number, row in enumerate(GOOD) if number % 7 < 4], HEAD, "no user made 6 choices"),
        ([], HEAD, "no rows"),
        (GOOD[:7], HEAD, "too few"),
    ],
    ids=["user", "answer", "two", "letter", "nobody", "word", "number", "one side", "no traits", "few", "empty", "one user"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        app.recipe(data=written(tmp_path / "choices.csv", rows, head))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "choices.csv"
    path.write_bytes(",".join(HEAD).encode() + b"\nJ\xf6rg,1,1,1,1,1\n")
    with pytest.raises(DataError, match="line 2"):
        app.recipe(data=str(path))
