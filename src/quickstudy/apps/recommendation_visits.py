"""Next visits: which things a new user will take, from the first 1, 2, 3 or 5 that were taken, without ratings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.visit_baselines import (
    Scorer,
    as_predictor,
    items_alike,
    popularity,
    visit_autoencoder,
    weighted_matrix_factors,
)
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_columns import codes
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_split import parts_of
from quickstudy.errors import DataError
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.learners.bayesian.corrected_gaussian import CorrectedGaussian
from quickstudy.metrics.ranking import recall_10
from quickstudy.metrics.values import ndcg_10
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.visits import Visits
from quickstudy.train import prepare

__all__ = ["recommendation_visits"]

_SHOTS = (1, 2, 3, 5)
_LEFT = 3
_DRAWS, _LIST = 4, 1001
"""Draws of each user's known things in the lists of meta-test tasks, and the seed of these."""

_GAUSSIAN = "normal distribution"
_PROMISED = (
    Promise(-0.01, over=(_GAUSSIAN,)),
    Promise(over=("items alike", "linear autoencoder (EASE)", "weighted matrix factors")),
)
_PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class _Visited:
    """Which items each user took (U, I), in three parts by user, and how an item's name becomes a row."""

    train: Tensor
    val: Tensor
    test: Tensor
    kind: Columns


def _recipe(
    *,
    data: Any = "",
    steps: int = 200,
    batch: int = 32,
    lr: float = 3e-4,
    decay: float = 3.0,
    noise: float = 0.01,
    by_taken: float = 1.0,
    features: int = 24,
    width: int = 48,
    items: int = 500,
) -> Recipe:
    """A normal distribution over items taken or not, conditioned on those of a new user, and a set network that corrects it.

    Args:
        data: a table with the columns user and item, a row for each item that a user took; users are parted at random.
        steps: outer steps.
        batch: users in an outer step.
        lr: step size of the outer loop, at its peak.
        decay: of weights.
        noise: variance of a user's taking of the same thing.
        by_taken: users of n things weigh n to the power of minus this in the normal distribution, see `CorrectedGaussian`.
        features: numbers of an item's embedding.
        width: units of the networks.
        items: so many items are taken, those that most users took; others are left out.
    """
    taken = _read(data, items)
    learner = CorrectedGaussian(taken.kind.width, noise=noise, shrink=0.0, features=features, width=width, by_taken=by_taken)
    optimizer = AdamW(learner.parameters(), lr, weight_decay=decay)
    return Recipe(
        learner=learner,
        train=Mixture([_source(taken, "train", shots) for shots in _fitting(taken.train)]),
        val=None,
        test=_source(taken, "test", _fitting(taken.test)[0]),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=1.0,
        steps=steps,
        batch=batch,
        reads=taken.kind,
        read=taken,
    )


def _source(taken: _Visited, part: str, shots: int) -> Visits:
    return Visits(getattr(taken, part), shots, left=_LEFT, columns=taken.kind.width, name=part, reads=taken.kind)


def _fitting(taken: Tensor) -> list[int]:
    """The numbers of known items after which some user of this part has enough others.

    Raises:
        DataError: there are none.
    """
    found = [shots for shots in _SHOTS if int(taken.sum(1).max()) >= shots + _LEFT]
    if not found:
        raise DataError(f"no user took {_SHOTS[0] + _LEFT} items in one of the three parts. Give users who took more.")
    return found


def _read(data: Any, items: int) -> _Visited:
    """Who took what, of the items that most meta-training users took."""
    if isinstance(data, _Visited):
        return data
    path = data or shipped("ratings/msweb_visits.csv.gz")
    rows = read_table_file(path, as_written=("user", "item"))
    for name in ("user", "item"):
        if name not in rows:
            raise DataError(f"there is no column {name!r}. Visits are rows of user and item; there are {', '.join(rows)}.")
    called = Path(path).name
    users, user = codes(rows["user"], f'{called}: the column "user"')
    names, item = codes(rows["item"], f'{called}: the column "item"')
    assert user is not None and item is not None
    if data:
        parts = parts_of(rows, "user", ("user",), (0.6, 0.2, 0.2), 0, called)
        part = torch.empty(len(users), dtype=torch.long)
        for number, name in enumerate(_PARTS):
            part[user[torch.from_numpy(parts[name])]] = number
    else:
        part = torch.tensor([{0: 2, 1: 1}.get(int(name) % 5, 0) for name in users])
    pairs = torch.unique(torch.stack([user, item], 1), dim=0)
    counts = torch.bincount(pairs[part[pairs[:, 0]] == 0, 1], minlength=len(names))
    kept = sorted(counts.argsort(descending=True, stable=True)[:items].tolist(), key=lambda number: names[number])
    place = torch.full((len(names),), -1).scatter_(0, torch.tensor(kept), torch.arange(len(kept)))[pairs[:, 1]]
    taken = torch.zeros(len(users), len(kept))
    taken[pairs[place >= 0, 0], place[place >= 0]] = 1
    kind = Columns((Column("item", "category", values=tuple(names[number] for number in kept)),))
    train, val, test = (taken[part == number] for number in range(len(_PARTS)))
    return _Visited(train, val, test, kind)


def _settings(recipe: Recipe) -> dict[str, Setting]:
    """Every user of meta-test with enough items, four times over."""
    taken: _Visited = recipe.read
    found = {}
    for shots in _fitting(taken.test):
        test = _source(taken, "test", shots)
        val = _source(taken, "val", shots) if shots in _fitting(taken.val) else None
        plan = test.each(generator_of(_LIST, shots), _DRAWS)
        name = f"{shots} visit{'s' if shots > 1 else ''}"
        found[name] = Setting(test, val, shots, len(plan), plan, units=plan.user, promises=_PROMISED)
    return found


def _by(method: Callable[..., Scorer]) -> Callable[..., Any]:
    """A method of who took what."""

    def made(recipe: Recipe, **choice: Any) -> Any:
        taken: _Visited = recipe.read
        return as_predictor(method(taken.train.double().numpy(), **choice), taken.kind.width)

    return made


def _gaussian(recipe: Recipe, noise: float) -> CorrectedGaussian:
    """The normal distribution alone, of which every user is one vector."""
    learner = CorrectedGaussian(recipe.read.kind.width, noise=noise, shrink=0.0, features=1, width=1)
    prepare(learner, recipe.train)
    return learner.eval()


recommendation_visits = Application(
    name="recommendation-visits",
    title="What a new user will take next, from the first 1, 2, 3 or 5 visits",
    who="Whoever runs a site, a library or a shop without ratings, and has users who came today.",
    bring=(
        "A CSV file with the columns user and item, a row for each item that a user took: --data visits.csv. For a new user, a "
        "CSV file with the columns item and taken, which is 1: quickstudy adapt RUN mine.csv --target taken."
    ),
    limits=(
        "It puts items in an order by who took what; what items are, and the order of visits, do not count. By default it takes "
        "the 500 items that most users took."
    ),
    data=(
        "Anonymous Microsoft Web Data (Breese, Heckerman & Kadie, 1998; UCI, CC BY 4.0): 4,151 users of a site in a week, with "
        "six visited areas or more of 285."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        _GAUSSIAN: Baseline(_gaussian, choices(noise=(0.001, 0.003, 0.01, 0.03)), val_tasks=300),
        "popularity": Baseline(_by(popularity), control=True),
        "items alike": Baseline(_by(items_alike), choices(popular=(0.0, 0.3, 1.0)), val_tasks=300),
        "linear autoencoder (EASE)": Baseline(_by(visit_autoencoder), choices(penalty=(30.0, 100.0, 300.0)), val_tasks=300),
        "weighted matrix factors": Baseline(
            _by(weighted_matrix_factors),
            ({"rank": 16, "penalty": 10.0, "weight": 8.0}, {"rank": 32, "penalty": 20.0, "weight": 15.0}),
            val_tasks=300,
        ),
    },
    unit="users",
    metric=recall_10,
    metrics=(ndcg_10,),
    empty_support=True,
    quick={"steps": 10},
)
