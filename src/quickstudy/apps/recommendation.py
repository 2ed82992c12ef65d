"""Recommendation: what a new user will like, from the first 1, 3, 5 or 10 ratings."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch.optim import AdamW

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.rating_baselines import (
    Rater,
    Ratings,
    item_mean,
    item_neighbours,
    item_offset,
    linear_autoencoder,
    matrix_factors,
    with_spread,
)
from quickstudy.borders.arguments import shown
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_split import part_column, parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.learners.bayesian.corrected_gaussian import CorrectedGaussian
from quickstudy.metrics.values import coverage_95, gaussian_nll, mean_absolute_error, mse, ndcg_10
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.source import generator_of
from quickstudy.train import prepare

__all__ = ["recommendation"]

_SHOTS = (1, 3, 5, 10)
_LEFT = 5
"""Ratings of a user that are predicted, at least."""
_DRAWS = 4
_LIST = 1000
_NAMES = {"userid": "user", "user_id": "user", "movieid": "item", "item_id": "item", "itemid": "item", "movie": "item"}
"""Names of columns in well-known files (MovieLens) and what they are."""


def _recipe(
    *,
    data: Any = "",
    steps: int = 1200,
    batch: int = 32,
    lr: float = 1e-3,
    decay: float = 3.0,
    noise: float = 0.05,
    shrink: float = 0.1,
    features: int = 24,
    width: int = 48,
    items: int = 300,
) -> Recipe:
    """A normal distribution of users' ratings, conditioned on those of a new user, and a set network that corrects it.

    Args:
        data: a table with the columns user, item and rating, one rating a row; users are parted at random.
        steps: outer steps.
        batch: users in an outer step.
        lr: step size of the outer loop, at its peak.
        decay: of weights.
        noise: variance of a user's rating of the same thing.
        shrink: of covariances towards equal ones.
        features: numbers of an item's embedding.
        width: units of the networks.
        items: ratings of so many items are taken, those with the most ratings; others are left out.
    """
    tables = _tables(data, items)
    kind = tables.train.reads
    assert isinstance(kind, Columns)
    learner = CorrectedGaussian(kind.width, noise=noise, shrink=shrink, features=features, width=width)
    optimizer = AdamW(learner.parameters(), lr, weight_decay=decay)
    return Recipe(
        learner=learner,
        train=Mixture([_source(tables.train, shots) for shots in _fitting(tables.train)]),
        val=None,
        test=_source(tables.test, _fitting(tables.test)[0]),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=1.0,
        steps=steps,
        batch=batch,
        reads=kind,
        read=tables,
    )


def _source(part: Table, shots: int) -> ByTask:
    return ByTask(part.at_least(shots + _LEFT), shots)


def _fitting(part: Table) -> list[int]:
    """The numbers of ratings after which a user of this part has enough left to be predicted.

    Raises:
        DataError: there are none.
    """
    most = int(part.counts.max())
    found = [shots for shots in _SHOTS if most >= shots + _LEFT]
    if not found:
        raise DataError(f"{part.name}: no user has {_SHOTS[0] + _LEFT} ratings. Give users with more of them.")
    return found


def _tables(data: Any, items: int) -> TableSplits:
    """Ratings in three parts by user, of the items that meta-training users rated most."""
    if isinstance(data, TableSplits):
        return data
    if data:
        rows, called, split = _named(read_table_file(data, as_written=_as_written(data))), Path(data).name, None
    else:
        rows = _named(read_table_file(shipped("ratings/cuisine_ratings.csv.gz"), as_written=("user", "item")))
        users = read_table_file(shipped("ratings/cuisine_users.csv.gz"), as_written=("user", "split"))
        part = dict(zip(users["user"], users["split"], strict=True))
        rows, called, split = rows | {"split": [part[user] for user in rows["user"]]}, "cuisine", "split"
    parts = parts_of(rows, split or "user", ("user",), (0.6, 0.2, 0.2), 0, called)
    names, counts = np.unique(np.array(rows["item"])[parts["train"]], return_counts=True)
    kept = sorted(names[np.argsort(-counts, kind="stable")[:items]].tolist())
    rows = rows | {"split": part_column(parts, len(rows["user"]))}
    fits = np.flatnonzero(np.isin(np.array(rows["item"]), kept))
    chosen = {name: [values[row] for row in fits] for name, values in rows.items()}
    kind = Columns((Column("item", "category", values=tuple(kept)),))
    found: TableSplits = table(chosen, target="rating", task="user", columns=["item"], split="split", reads=kind, name=called)
    return found


def _as_written(data: Any) -> list[str]:
    return [name for name in read_table_file(data) if _NAMES.get(name.lower(), name.lower()) in ("user", "item")]


def _named(rows: Mapping[str, Any]) -> dict[str, Any]:
    """The three columns by their own names, names without a value refused.

    Raises:
        DataError: one is missing, or a name is.
    """
    found = {_NAMES.get(name.lower(), name.lower()): values for name, values in rows.items()}
    for name in ("user", "item", "rating"):
        if name not in found:
            raise DataError(
                f"there is no column {name!r}. Ratings are rows of user, item and rating; there are {', '.join(rows)}."
            )
    for name in ("user", "item"):
        for row, value in enumerate(found[name]):
            if not str(value).strip():
                raise DataError(
                    f'the column "{name}" has no value in row {row} (the first is 0). Give one, or leave the row out.'
                )
    for row, value in enumerate(found["rating"]):
        number = _number(value)
        if number is None or not number >= 0:
            given = "no value" if number != number or not str(value or "").strip() else shown(value)
            given = f"{number:g}" if number is not None and number < 0 else given
            raise DataError(f'the column "rating" has {given} in row {row} (the first is 0). Give a number of 0 or more.')
    numbers = {"rating": np.array([_number(value) for value in found["rating"]])}
    return {name: found[name] for name in ("user", "item")} | numbers


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _settings(recipe: Recipe) -> dict[str, Setting]:
    """Every user of meta-test with enough ratings, four times over: some at random are known, all others are predicted."""
    tables: TableSplits = recipe.read
    found = {}
    for shots in _fitting(tables.test):
        test = _source(tables.test, shots)
        val = _source(tables.val, shots) if shots in _fitting(tables.val) else None
        plan = test.each(generator_of(_LIST, shots), _DRAWS)
        found[f"{shots} rating{'s' if shots > 1 else ''}"] = Setting(
            test, val, shots, len(plan), plan, promises=(Promise(),) if shots > 1 else ()
        )
    return found


def _gaussian(recipe: Recipe, noise: float, shrink: float) -> CorrectedGaussian:
    """The normal distribution alone: what the learner is before meta-training."""
    kind = recipe.reads
    assert isinstance(kind, Columns)
    learner = CorrectedGaussian(kind.width, noise=noise, shrink=shrink, features=1, width=1)
    prepare(learner, recipe.train)
    return learner.eval()


def _by(rater: Callable[..., Rater]) -> Callable[..., Any]:
    """A method of ratings, with the deviation of its errors."""

    def make(recipe: Recipe, **choice: Any) -> Any:
        return with_spread(rater(Ratings.of(recipe.read.train), **choice), recipe.train)

    return make


recommendation = Application(
    name="recommendation",
    title="What a new user will like, from the first 1, 3, 5 or 10 ratings",
    who="Whoever runs a shop, a library or a service with ratings, and has users who came today.",
    bring=(
        "A CSV file with the columns user, item and rating, a rating a row, of users of whom some have six ratings or more: "
        "--data ratings.csv (MovieLens's ratings.csv as it is). For a new user, a CSV file with the columns item and rating: "
        "quickstudy adapt RUN mine.csv --target rating."
    ),
    limits=(
        "It predicts ratings of items that other users have rated, with a standard deviation each; a new item it knows only as "
        "one of the others. People rate what they chose to try, so a prediction for what no similar user tried is "
        "less sure than it says. By default it takes the 300 items with the most ratings."
    ),
    data=(
        "FiveThirtyEight's survey food-world-cup of 2014 (CC BY 4.0): 22,789 ratings from 1 to 5 of the cuisines of 40 countries "
        "by 1,076 people, parted by person into 754, 107 and 215."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "normal distribution (EM)": Baseline(_gaussian, choices(noise=(0.05, 0.15), shrink=(0.05, 0.1, 0.2)), val_tasks=200),
        "item mean and offset": Baseline(_by(item_offset), choices(shrink=(0.5, 1.0, 1.5, 2.5)), val_tasks=200),
        "item neighbours": Baseline(_by(item_neighbours), choices(count=(5, 10, 20), shrink=(0.3, 1.0)), val_tasks=200),
        "matrix factors": Baseline(
            _by(matrix_factors),
            ({"rank": 2, "penalty": 5.0}, {"rank": 3, "penalty": 8.0}, {"rank": 5, "penalty": 15.0}),
            val_tasks=200,
        ),
        "linear autoencoder (EASE)": Baseline(
            _by(linear_autoencoder), choices(penalty=(30.0, 100.0, 300.0, 1000.0)), val_tasks=200
        ),
        "item mean": Baseline(_by(item_mean), control=True),
    },
    unit="users",
    metric=gaussian_nll,
    metrics=(mse, mean_absolute_error, ndcg_10, coverage_95),
    empty_support=True,
    quick={"steps": 60},
)
