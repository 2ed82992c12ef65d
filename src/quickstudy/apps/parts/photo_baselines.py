"""What people would use otherwise on images: classifiers on the same features, and on pixels."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from quickstudy.apps.application import Baseline
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import unencoded
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import TaskSource

__all__ = ["FeaturesOf", "classifiers", "pixels", "random_forest", "weighted_logistic_regression"]

_STRENGTHS = (30.0, 1000.0, 1.0)
"""Where meta-validation tasks are too easy to choose, the first is taken: it suits features of unit length at most shots."""

_MACHINES = ({"kernel": "linear", "C": 1.0}, {"kernel": "rbf", "C": 30.0})
_VAL_TASKS = 30
_PIXELS = 16

FeaturesOf = Mapping[str, Callable[[ClassIndex], nn.Module]]
"""By name: from the meta-training classes a network from rows to what a classifier works on; it may fit itself to them."""


def classifiers(features: FeaturesOf) -> dict[str, Baseline]:
    """Nearest class means, logistic regression and support vector machines; features and penalty are chosen by shots.

    Args:
        features: to choose from; ``recipe.read.train`` holds the meta-training classes.
    """
    inputs = [{"inputs": name} for name in features]
    penalties = tuple(each | {"C": C} for each in inputs for C in _STRENGTHS)
    machines = tuple(each | machine for each in inputs for machine in _MACHINES)
    return {
        "centroid": Baseline(partial(_centroid, features), tuple(inputs), val_tasks=_VAL_TASKS),
        "logistic regression": Baseline(partial(_logistic, features), penalties, val_tasks=_VAL_TASKS),
        "SVM": Baseline(partial(_machine, features), machines, val_tasks=_VAL_TASKS),
    }


def _centroid(features: FeaturesOf, recipe: Recipe, *, inputs: str) -> NearestCentroid:
    return NearestCentroid(features[inputs](recipe.read.train))


def _logistic(features: FeaturesOf, recipe: Recipe, *, inputs: str, C: float) -> LogisticRegression:
    return LogisticRegression(C, features[inputs](recipe.read.train))


def _estimated(network: nn.Module, make: Callable[[], Any]) -> Any:
    """An estimator of scikit-learn on what the network gives."""

    def fitted(support: Examples) -> Callable[[Tensor], Any]:
        def rows(x: Tensor) -> np.ndarray:
            with torch.no_grad():
                found: np.ndarray = network(x).numpy()
            return found

        model = make().fit(rows(support.x), support.labels.numpy())
        return lambda x: model.predict_proba(rows(x)) if hasattr(model, "predict_proba") else model.predict(rows(x))

    return fitted


def weighted_logistic_regression(features: FeaturesOf) -> Baseline:
    """scikit-learn's with classes weighted by how rare they are in the support set."""
    choices = tuple({"inputs": name, "C": C} for name in features for C in _STRENGTHS[:2])
    return Baseline(partial(_weighted, features), choices, val_tasks=_VAL_TASKS)


def _weighted(features: FeaturesOf, recipe: Recipe, *, inputs: str, C: float) -> Any:
    from sklearn.linear_model import LogisticRegression as Sklearn

    make = partial(Sklearn, C=C, class_weight="balanced", max_iter=1000)
    return _estimated(features[inputs](recipe.read.train), make)


def random_forest(features: FeaturesOf, tasks: int) -> Baseline:
    """scikit-learn's with 100 trees, on the first tasks alone: it is slow."""
    return Baseline(partial(_forest, features), tuple({"inputs": name} for name in features), tasks=tasks, val_tasks=20)


def _forest(features: FeaturesOf, recipe: Recipe, *, inputs: str) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return _estimated(features[inputs](recipe.read.train), partial(RandomForestClassifier, 100, random_state=0))


def _machine(features: FeaturesOf, recipe: Recipe, *, inputs: str, kernel: str, C: float) -> Any:
    from sklearn.svm import SVC

    return _estimated(features[inputs](recipe.read.train), partial(SVC, C=C, kernel=kernel))


def _of_pixels(recipe: Recipe, *, C: float) -> LogisticRegression:
    return LogisticRegression(C, nn.Sequential(nn.AdaptiveAvgPool2d(_PIXELS), nn.Flatten()))


def _images_of(source: TaskSource[Any]) -> TaskSource[Any]:
    """The same tasks of the images before the backbone."""
    assert isinstance(source, FewShot)
    other = copy.copy(source)
    other.index = unencoded(source.index)
    return other


pixels = Baseline(_of_pixels, tuple({"C": C} for C in (0.01, 0.1, 1.0)), inputs=_images_of, val_tasks=_VAL_TASKS)
"""Logistic regression on the image itself, at 16 × 16 pixels."""
