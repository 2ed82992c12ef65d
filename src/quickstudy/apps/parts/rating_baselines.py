"""Methods that recommend by ratings of other users: item means, neighbours, matrix factors, a linear autoencoder.

Source: Koren, Bell & Volinsky, 2009, Matrix factorization techniques for recommender systems; Sarwar, Karypis, Konstan & Riedl,
2001, Item-based collaborative filtering; Steck, 2019, Embarrassingly shallow autoencoders for sparse data (EASE).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.task_table import Table
from quickstudy.task import Examples
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = [
    "Array",
    "Rater",
    "Ratings",
    "item_mean",
    "item_neighbours",
    "item_offset",
    "linear_autoencoder",
    "matrix_factors",
    "with_spread",
]

Array = NDArray[np.float64]
Rater = Callable[[Array, Array], Array]
"""From the items that a user rated (S,) and the ratings (S,) to a rating of every item (I,)."""


@dataclass(frozen=True)
class Ratings:
    """Ratings of meta-training users: values (U, I), which of them are seen, and the mean of each item (I,)."""

    values: Array
    seen: Array
    mean: Array

    @classmethod
    def of(cls, table: Table) -> "Ratings":
        x = table.gather(torch.arange(len(table)))
        items, users = x.argmax(1).numpy(), table.tasks.numpy()
        values = np.zeros((len(table.task_names), x.shape[1]))
        seen = np.zeros_like(values)
        values[users, items], seen[users, items] = table.y[:, 0].numpy(), 1
        overall = values.sum() / seen.sum()
        mean = np.where(seen.sum(0) > 0, values.sum(0) / np.maximum(seen.sum(0), 1), overall)
        return cls(values, seen, mean)

    @property
    def rest(self) -> Array:
        """Ratings without their item's mean, 0 where there is none."""
        found: Array = (self.values - self.mean) * self.seen
        return found


def item_mean(ratings: Ratings) -> Rater:
    """The mean rating of each item, whoever asks."""
    return lambda items, given: ratings.mean


def item_offset(ratings: Ratings, shrink: float) -> Rater:
    """Item means, moved by what this user is above them on average: ``Σ_s (y_s − μ_s) / (S + shrink)``."""
    return lambda items, given: ratings.mean + (given - ratings.mean[items]).sum() / (len(items) + shrink)


def item_neighbours(ratings: Ratings, count: int, shrink: float) -> Rater:
    """Item means and offset, and of the ``count`` rated items that correlate most with an item the weighted rest."""
    users = ratings.seen.sum(1, keepdims=True)
    own = (ratings.values - (ratings.values.sum(1, keepdims=True) / np.maximum(users, 1))) * ratings.seen
    both = ratings.seen.T @ ratings.seen
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = own.T @ own / np.sqrt((own**2).T @ ratings.seen * (ratings.seen.T @ (own**2)))
    alike = np.where(both >= 20, np.nan_to_num(alike), 0.0).clip(min=0)
    base = item_offset(ratings, 1.5)

    def rate(items: Array, given: Array) -> Array:
        found = base(items, given)
        weight = alike[:, items]
        if weight.shape[1] > count:
            weight = np.where(weight >= np.sort(weight, 1)[:, [-count]], weight, 0)
        rated: Array = found + weight @ (given - found[items]) / (weight.sum(1) + shrink)
        return rated

    return rate


def matrix_factors(ratings: Ratings, rank: int, penalty: float, rounds: int = 12) -> Rater:
    """Alternating least squares of ``μ_i + b_u + p_u · q_i``; a new user's b and p are fitted to what they rated."""
    users, count = ratings.values.shape
    factors = 0.1 * np.random.default_rng(0).normal(size=(count, rank))
    rest = ratings.rest
    codes = np.zeros((users, rank + 1))
    for _ in range(rounds):
        wide = np.concatenate([np.ones((count, 1)), factors], 1)
        codes = _fold_in(wide, rest, ratings.seen, penalty)
        left = (rest - codes[:, :1]) * ratings.seen
        factors = _fold_in(codes[:, 1:], left.T, ratings.seen.T, penalty)
    wide = np.concatenate([np.ones((count, 1)), factors], 1)

    def rate(items: Array, given: Array) -> Array:
        rows = wide[items]
        code = np.linalg.solve(rows.T @ rows + penalty * np.eye(rank + 1), rows.T @ (given - ratings.mean[items]))
        rated: Array = ratings.mean + wide @ code
        return rated

    return rate


def _fold_in(rows: Array, targets: Array, seen: Array, penalty: float) -> Array:
    """Ridge regressions on the seen rows, one for each line of ``targets``."""
    systems = np.einsum("ui,id,ie->ude", seen, rows, rows, optimize=True) + penalty * np.eye(rows.shape[1])
    return np.linalg.solve(systems, ((targets * seen) @ rows)[..., None])[..., 0]


def linear_autoencoder(ratings: Ratings, penalty: float) -> Rater:
    """EASE on ratings without item means and offset: each item as a linear function of the others, with ridge."""
    offsets = ratings.rest.sum(1, keepdims=True) / (ratings.seen.sum(1, keepdims=True) + 1.5)
    rest = (ratings.rest - offsets) * ratings.seen
    inverse = np.linalg.inv(rest.T @ rest + penalty * np.eye(rest.shape[1]))
    weight = -inverse / np.diag(inverse)
    np.fill_diagonal(weight, 0)
    base = item_offset(ratings, 1.5)

    def rate(items: Array, given: Array) -> Array:
        found = base(items, given)
        rated: Array = found + (given - found[items]) @ weight[items]
        return rated

    return rate


def with_spread(rater: Rater, train: TaskSource[Any], tasks: int = 200) -> Callable[[Examples], Callable[[Tensor], Any]]:
    """A baseline that gives a rating and a deviation: that of its errors in meta-training tasks.

    Args:
        rater: of every item.
        train: meta-training tasks.
        tasks: so many of them.
    """
    drawn = train.sample(tasks, generator_of(0))
    errors = []
    for number in range(tasks):
        support, query = drawn[number].support.trim(), drawn[number].query.trim()
        errors.append(_rated(rater, support)[query.x.argmax(1).numpy()] - query.y[:, 0].numpy())
    deviation = float(np.sqrt(np.mean(np.concatenate(errors) ** 2)))

    def fitted(support: Examples) -> Callable[[Tensor], Any]:
        rated = torch.from_numpy(_rated(rater, support)).to(support.y.dtype)

        def predict(x: Tensor) -> Any:
            mean = rated[x.argmax(1)][:, None]
            return mean, torch.full_like(mean, deviation)

        return predict

    return fitted


def _rated(rater: Rater, support: Examples) -> Array:
    return rater(support.x.argmax(1).numpy(), support.y[:, 0].double().numpy())
