"""Recommendation on a part of the users: it learns from a user's ratings, and says what is wrong with a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.tables import written
from quickstudy import evaluate
from quickstudy.apps import recommendation
from quickstudy.apps.parts.rating_baselines import (
    Ratings,
    item_neighbours,
    item_offset,
    linear_autoencoder,
    matrix_factors,
)
from quickstudy.datasets.task_table import Table
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.metrics import mse
from quickstudy.tasks.source import generator_of

HEAD = ("user", "item", "rating")


def error(learner: Any, recipe: Any, **more: Any) -> float:
    source = recommendation.settings(recipe)["10 ratings"].test
    report = evaluate(learner, source, plan=source.each(generator_of(0)), limit=40, metrics=(mse,), **more)
    return float(report.others[0].value)


def test_it_learns_from_the_ratings_of_a_user() -> None:
    recipe = recommendation.recipe(steps=10, batch=16)
    losses = [record.loss for record in recipe.records(seed=0)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) + 0.2
    learned, shuffled = error(recipe.learner, recipe), error(ShuffledSupport(recipe.learner), recipe, strategy="loop")
    assert learned < 0.75 and shuffled > learned + 0.05, (learned, shuffled)
    fixed = recommendation.baselines["item mean"].make(recipe)
    assert error(fixed, recipe) > learned + 0.1


def test_settings_are_the_users_with_ratings_left() -> None:
    recipe = recommendation.recipe(steps=1)
    settings = recommendation.settings(recipe)
    assert list(settings) == ["1 rating", "3 ratings", "5 ratings", "10 ratings"]
    for setting in settings.values():
        assert setting.plan is not None and len(setting.plan) >= 300
        assert bool((setting.plan.query_mask.sum(1) >= 5).all()) and bool(
            (setting.plan.support_mask.sum(1) == setting.size).all()
        )


def small() -> Ratings:
    """Six users who rate four items, some of them."""
    values = np.array([[5.0, 4, 1, 0], [4, 5, 2, 1], [1, 2, 5, 4], [2, 1, 4, 5], [5, 0, 0, 1], [3, 3, 3, 3]])
    seen = np.array([[1.0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]])
    return Ratings(values * seen, seen, (values * seen).sum(0) / seen.sum(0))


def test_baselines_are_what_they_say() -> None:
    ratings, items, given = small(), np.array([0, 2]), np.array([5.0, 1.0])
    offset = ((given - ratings.mean[items]).sum()) / (2 + 1.5)
    np.testing.assert_allclose(item_offset(ratings, 1.5)(items, given), ratings.mean + offset)
    np.testing.assert_allclose(item_neighbours(ratings, 5, 1.0)(items, given), ratings.mean + offset)  # too few have both
    rated = matrix_factors(ratings, 1, 0.1)(items, given)
    assert rated[1] > ratings.mean[1] + 0.3 > ratings.mean[1] > rated[3], "whoever likes 0 and not 2 likes 1 and not 3"
    rated = linear_autoencoder(ratings, 1.0)(items, given)
    assert rated[1] > ratings.mean[1] + 0.3 and rated[3] < ratings.mean[3]


def test_ratings_of_a_table() -> None:
    x = torch.eye(3)[[0, 2, 0]]
    table = Table(x, torch.tensor([[4.0], [2.0], [5.0]]), torch.tensor([0, 0, 1]), ("a", "b"))
    ratings = Ratings.of(table)
    assert ratings.values.tolist() == [[4.0, 0.0, 2.0], [5.0, 0.0, 0.0]] and ratings.seen.sum() == 3
    np.testing.assert_allclose(ratings.mean, [4.5, 11 / 3, 2.0])


def test_movielens_names_and_few_items(tmp_path: Path) -> None:
    """The columns of MovieLens are known by their names; of eight items the six with most ratings are taken."""
    rows = [(user, item, 1 + (user * item) % 5, 0) for user in range(30) for item in range(1, 9) if item < 7 or user % 7 == 0]
    path = written(tmp_path / "ratings.csv", rows, ("userId", "movieId", "rating", "timestamp"))
    recipe = recommendation.recipe(data=path, items=6)
    assert recipe.reads is not None and recipe.train.reads == recipe.reads
    assert recipe.reads.columns[0].values == ("1", "2", "3", "4", "5", "6")  # type: ignore[attr-defined]
    other = recipe.reads.batch([{"item": "7"}])
    assert other.tolist() == [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]], "an item that is not known"


GOOD = [(user, item, 3) for user in range(10) for item in range(8)]


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([row[:2] for row in GOOD], ("user", "item"), "no column 'rating'"),
        ([*GOOD, (1, 2, "good")], HEAD, "'good' in row 80"),
        ([*GOOD, (1, 2, "")], HEAD, 'rating" has no value in row 80'),
        ([*GOOD, ("", 2, 3)], HEAD, 'column "user" has no value in row 80'),
        ([*GOOD, (1, " ", 3)], HEAD, 'column "item" has no value in row 80'),
        ([*GOOD, (1, 2, -1)], HEAD, "has -1 in row 80"),
        ([], HEAD, "no rows"),
        ([(user, 1, 3) for user in range(10)], HEAD, "no user has 6 ratings"),
        (GOOD[:16], HEAD, "too few"),
    ],
    ids=["column", "word", "rating", "user", "item", "negative", "empty", "few ratings", "few users"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        recommendation.recipe(data=written(tmp_path / "ratings.csv", rows, head))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes("user,item,rating\n1,K\xf6ln,5\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        recommendation.recipe(data=str(path))
