"""Recommendation by visits: it learns from what a user took, its baselines are what they say, and what is wrong with a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.tables import written
from quickstudy import evaluate
from quickstudy.apps import recommendation_visits
from quickstudy.apps.parts.visit_baselines import (
    as_predictor,
    items_alike,
    popularity,
    visit_autoencoder,
    weighted_matrix_factors,
)
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import NoSupport
from quickstudy.metrics.ranking import recall_10
from quickstudy.task import Examples

HEAD = ("user", "item")


def two_tastes() -> list[tuple[str, str]]:
    """Forty users, of whom every other one takes six of 15 things of one kind, and the others of another kind."""
    draw = np.random.default_rng(0)
    return [(f"user {user}", f"{'ab'[user % 2]}{thing:02d}") for user in range(40) for thing in draw.choice(15, 6, replace=False)]


def recall(learner: Any, recipe: Any, **more: Any) -> float:
    setting = recommendation_visits.settings(recipe)["1 visit"]
    report = evaluate(learner, setting.test, plan=setting.plan, metrics=(recall_10,), **more)
    return float(report.others[0].value)


def test_it_learns_from_what_a_user_took(tmp_path: Path) -> None:
    """Ten things of the right kind hold two thirds of what is left; without the support set it is a third."""
    recipe = recommendation_visits.recipe(data=written(tmp_path / "visits.csv", two_tastes(), HEAD), steps=2, batch=4, noise=0.1)
    assert len(list(recipe.records(seed=0))) == 2
    learned = recall(recipe.learner.eval(), recipe)
    blind = recall(NoSupport(recipe.learner), recipe, strategy="loop")
    assert learned > 0.6 and blind < 0.5, (learned, blind)


def test_settings_are_the_users_with_enough_left_and_the_items_that_most_took(tmp_path: Path) -> None:
    recipe = recommendation_visits.recipe(data=written(tmp_path / "visits.csv", two_tastes(), HEAD), steps=1)
    settings = recommendation_visits.settings(recipe)
    assert list(settings) == ["1 visit", "2 visits", "3 visits"] and all(len(s.plan or ()) == 32 for s in settings.values())
    rows = [(user, item) for user in range(30) for item in range(8) if item < 5 or user % 7 == 0]
    few = recommendation_visits.recipe(data=written(tmp_path / "few.csv", rows, HEAD), items=5, steps=1)
    assert few.reads is not None and few.reads.columns[0].values == ("0", "1", "2", "3", "4")  # type: ignore[attr-defined]
    assert few.read.train.shape == (18, 5) and bool((few.read.train == 1).all())


def test_baselines_are_what_they_say() -> None:
    taken = np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    first = np.array([0])
    np.testing.assert_allclose(popularity(taken)(first), [0.6, 0.6, 0.6, 0.4])
    np.testing.assert_allclose(items_alike(taken, 0.0)(first), [0.0, 1.0, 1 / 3, 0.0])
    for method in (visit_autoencoder(taken, 1.0), weighted_matrix_factors(taken, 2, 0.1, 2.0)):
        scores = method(first)
        assert scores[1] > scores[2] > scores[3], scores
    support = Examples.of(torch.eye(5)[:1], torch.ones(1, 1), kind="values")
    scores = as_predictor(popularity(taken), 5)(support)(torch.eye(5))
    torch.testing.assert_close(scores[:, 0], torch.tensor([0.6, 0.6, 0.6, 0.4, 0.4]))


def test_every_baseline_is_made_of_a_recipe(tmp_path: Path) -> None:
    recipe = recommendation_visits.recipe(data=written(tmp_path / "visits.csv", two_tastes(), HEAD), steps=1)
    for name, baseline in recommendation_visits.baselines.items():
        choice = {"rank": 2, "penalty": 1.0, "weight": 2.0} if "factors" in name else dict(baseline.choices[0])
        assert recall(baseline.make(recipe, **choice), recipe) > 0.15, name


GOOD = [(user, item) for user in range(10) for item in range(8)]


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        (GOOD, ("user", "page"), "no column 'item'"),
        (GOOD, ("visitor", "item"), "no column 'user'"),
        ([*GOOD, ("", 2)], HEAD, 'column "user" has no value in row 80'),
        ([*GOOD, (1, "")], HEAD, 'column "item" has no value in row 80'),
        ([], HEAD, "no rows"),
        ([(user, item) for user in range(10) for item in range(3)], HEAD, "no user took 4 items"),
        (GOOD[:16], HEAD, "too few"),
    ],
    ids=["item column", "user column", "user", "item", "empty", "few items", "few users"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        recommendation_visits.recipe(data=written(tmp_path / "visits.csv", rows, head))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_bytes("user,item\n1,K\xf6ln\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        recommendation_visits.recipe(data=str(path))
