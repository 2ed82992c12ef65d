"""Methods that recommend by what other users took: popularity, items alike, a linear autoencoder, weighted matrix factors.

Source: Sarwar, Karypis, Konstan & Riedl, 2001, Item-based collaborative filtering; Steck, 2019, Embarrassingly shallow
autoencoders for sparse data (EASE); Hu, Koren & Volinsky, 2008, Collaborative filtering for implicit feedback datasets.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.task import Examples

__all__ = ["Array", "Scorer", "as_predictor", "items_alike", "popularity", "visit_autoencoder", "weighted_matrix_factors"]

Array = NDArray[np.float64]
Scorer = Callable[[Array], Array]
"""From the items that a user took (S,) to a score of every item (I,)."""


def popularity(taken: Array) -> Scorer:
    """How many users took an item, whoever asks."""
    return lambda items: taken.mean(0)


def items_alike(taken: Array, popular: float) -> Scorer:
    """Cosines between an item's users and those of each known item, added up, and ``popular`` times its share of users."""
    both = taken.T @ taken
    sizes = np.sqrt(np.maximum(np.diag(both), 1e-9))
    cosine = both / sizes / sizes[:, None]
    np.fill_diagonal(cosine, 0)
    return lambda items: cosine[items].sum(0) + popular * taken.mean(0)


def visit_autoencoder(taken: Array, penalty: float) -> Scorer:
    """EASE: each item as a linear function of the others, with ridge; popularity decides between equal scores."""
    inverse = np.linalg.inv(taken.T @ taken + penalty * np.eye(taken.shape[1]))
    weight = -inverse / np.diag(inverse)
    np.fill_diagonal(weight, 0)
    return lambda items: weight[items].sum(0) + 1e-3 * taken.mean(0)


def weighted_matrix_factors(taken: Array, rank: int, penalty: float, weight: float, rounds: int = 8) -> Scorer:
    """Factors of taken or not, where what was taken weighs ``1 + weight``; a new user's are fitted to the known items."""
    factors = 0.1 * np.random.default_rng(0).normal(size=(taken.shape[1], rank))

    def solved(rows: Array, seen: Array) -> Array:
        systems = rows.T @ rows + penalty * np.eye(rank) + weight * np.einsum("ui,id,ie->ude", seen, rows, rows, optimize=True)
        found: Array = np.linalg.solve(systems, (1 + weight) * (seen @ rows)[..., None])[..., 0]
        return found

    for _ in range(rounds):
        factors = solved(solved(factors, taken), taken.T)

    def score(items: Array) -> Array:
        seen = np.zeros((1, taken.shape[1]))
        seen[0, items] = 1
        found: Array = factors @ solved(factors, seen)[0]
        return found

    return score


def as_predictor(scorer: Scorer, columns: int) -> Callable[[Examples], Callable[[Tensor], Any]]:
    """A function from a support set to scores of queries.

    Args:
        scorer: of every item.
        columns: of a one-hot row; items beyond those that the scorer knows have the lowest score.
    """

    def fitted(support: Examples) -> Callable[[Tensor], Any]:
        known = scorer(support.x.argmax(1).numpy())
        scores = torch.full((columns,), float(known.min()))
        scores[: len(known)] = torch.from_numpy(known).float()
        return lambda x: scores[x.argmax(1)][:, None]

    return fitted
