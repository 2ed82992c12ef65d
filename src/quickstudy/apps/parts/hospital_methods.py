"""What people use in a new hospital: a model of all known ones, the same with its own patients added, or these alone."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.datasets.task_table import Table
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples

__all__ = ["HOSPITAL_METHODS", "pooled_model"]

_Predict = Callable[[Tensor], Any]


@functools.lru_cache(maxsize=32)
def pooled_model(known: Table, C: float) -> Any:
    """A logistic regression (scikit-learn) of the rows of all tasks of a table."""
    from sklearn.linear_model import LogisticRegression

    x, y = _rows(known)
    return LogisticRegression(C=C, max_iter=500).fit(x, y)


def _rows(known: Table) -> tuple[Any, Any]:
    rows: Any = known.gather(torch.arange(len(known)))
    return rows.numpy(), known.y.numpy()


def _pooled(recipe: Recipe, C: float) -> Callable[[Examples], _Predict]:
    model = pooled_model(recipe.read.train, C)
    return lambda support: lambda x: model.predict_proba(x.numpy())


def _pooled_forest(recipe: Recipe, leaf: int) -> Callable[[Examples], _Predict]:
    model = _known_forest(recipe.read.train, leaf)
    return lambda support: lambda x: model.predict_proba(x.numpy()).clip(1e-6, 1)


@functools.lru_cache(maxsize=16)
def _known_forest(known: Table, leaf: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(200, min_samples_leaf=leaf, random_state=0).fit(*_rows(known))


def _with_target(recipe: Recipe, weight: float) -> Callable[[Examples], _Predict]:
    """A logistic regression of all known patients and, each ``weight`` times, the support set's."""
    from sklearn.linear_model import LogisticRegression

    x, y = _rows(recipe.read.train)

    def fitted(support: Examples) -> _Predict:
        rows = np.concatenate([x, support.x.numpy()])
        counts = np.concatenate([np.ones(len(x)), np.full(len(support), weight)])
        model = LogisticRegression(C=0.1, max_iter=500)
        model.fit(rows, np.concatenate([y, support.labels.numpy()]), sample_weight=counts)
        return lambda asked: model.predict_proba(asked.numpy())

    return fitted


def _logistic(recipe: Recipe, C: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    del recipe
    return LogisticRegression(C=C, max_iter=500)


def _forest(recipe: Recipe, leaf: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    del recipe
    return RandomForestClassifier(100, min_samples_leaf=leaf, random_state=0)


HOSPITAL_METHODS: Mapping[str, Callable[..., Any]] = {
    "pooled": _pooled,
    "pooled forest": _pooled_forest,
    "pooled and target": _with_target,
    "logistic regression": _logistic,
    "random forest": _forest,
}
"""By name, see `Baseline.make`."""
