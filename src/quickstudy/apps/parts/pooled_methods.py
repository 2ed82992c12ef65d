"""What people use where tasks have the same classes: models of the rows of all tasks, with and without those of the target."""

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.apps.application import Baseline
from quickstudy.datasets.task_table import Table
from quickstudy.functional.logistic import logistic
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture

__all__ = ["POOLED_METHODS", "pooled_regression"]

_HIDDEN = 128
_LONG = 1e3
"""Of features, so that the bias beside them, which has no curvature of its own, stays where it is."""


@functools.lru_cache(maxsize=8)
def _standardised(table: Table) -> Tensor:
    rows: Any = table.gather(torch.arange(len(table)))
    return _alike(rows)


def _alike(x: Tensor) -> Tensor:
    """Features as the learner takes them."""
    return nn.functional.layer_norm(x, x.shape[1:])


@functools.lru_cache(maxsize=16)
def pooled_regression(table: Table, C: float) -> Any:
    """A logistic regression (scikit-learn) of the rows of all tasks of a table, on standardised features of two classes."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, max_iter=500).fit(_standardised(table).numpy(), table.y.numpy())


def _trained(recipe: Recipe) -> Table:
    assert isinstance(recipe.train, Mixture) and isinstance(recipe.train.sources[0], ByTask)
    return recipe.train.sources[0].table


def _pooled(recipe: Recipe, *, C: float) -> Any:
    model = pooled_regression(_trained(recipe), C)
    return lambda support: lambda x: model.predict_proba(_alike(x).numpy())


def _network(recipe: Recipe, *, alpha: float, epochs: int) -> Any:
    """The mean of three networks."""
    models = _networks(_trained(recipe), alpha, epochs)
    return lambda support: lambda x: sum(model.predict_proba(0.4 * _alike(x).numpy()) for model in models) / len(models)


@functools.lru_cache(maxsize=16)
def _networks(table: Table, alpha: float, epochs: int) -> list[Any]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped early
        kinds = [MLPClassifier((_HIDDEN,), alpha=alpha, max_iter=epochs, random_state=seed) for seed in range(3)]
        return [model.fit(0.4 * _standardised(table).numpy(), table.y.numpy()) for model in kinds]


def _with_target(recipe: Recipe, *, weight: float) -> Callable[[Examples], Callable[[Tensor], Any]]:
    """A logistic regression of all meta-training rows and, each ``weight`` times, the support set's.

    To second order around the one without the support set, whose curvature is the penalty: by that, one fit serves all tasks.
    """
    table = _trained(recipe)
    C = 1 / table.gather(torch.arange(1)).shape[1]
    x, model = _standardised(table).double(), pooled_regression(table, C)
    p = torch.as_tensor(model.decision_function(x.numpy())).sigmoid()
    root = torch.linalg.cholesky((x.mT * (p * (1 - p))) @ x + torch.eye(x.shape[1]) / C)

    def seen(rows: Tensor) -> tuple[Tensor, Tensor]:
        alike = _alike(rows)
        pooled = torch.as_tensor(model.decision_function(alike.numpy()))
        z = torch.linalg.solve_triangular(root, alike.double().mT, upper=False).mT
        return _LONG * z, torch.stack([-pooled, pooled], 1) / 2

    def fitted(support: Examples) -> Callable[[Tensor], Any]:
        z, offset = seen(support.x)
        penalty = torch.tensor(2.0 * _LONG**2 / weight, dtype=torch.float64)  # both classes have half of the log-odds each
        w, b = logistic(z, support.y.double(), support.mask.double(), penalty, offset_SN=offset)

        def said(rows: Tensor) -> Any:
            z, offset = seen(rows)
            return (offset + z @ w.mT + b).softmax(-1).float()

        return said

    return fitted


POOLED_METHODS: Mapping[str, Baseline] = {
    "pooled logistic regression": Baseline(_pooled, tuple({"C": C} for C in (1e-3, 3e-3, 3e-2)), control=True),
    "pooled network, no target": Baseline(_network, tuple({"alpha": 3.0, "epochs": epochs} for epochs in (5, 15))),
    "pooled logistic regression and target": Baseline(_with_target, tuple({"weight": w} for w in (1.0, 10.0, 100.0))),
}
"""Each with its penalty, length of training or weight of the target chosen on meta-validation tasks of the same size."""
