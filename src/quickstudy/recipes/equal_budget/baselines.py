"""The traditional learners under the equal budget, which they use as far as they can."""

from typing import Any

from quickstudy.functional.unroll import SGD, Adam
from quickstudy.learner import Learner
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["fine_tune", "from_scratch", "logistic_regression", "nearest_centroid", "nearest_neighbours"]


def fine_tune(budget: Budget) -> Recipe:
    """Pre-training on as many images, then a new head."""
    encoder = budget.encoder()
    classes = len(budget.data.train.classes)
    learner = FineTune(encoder, features=encoder.features, classes=classes, rule=Adam(1e-2), tune_encoder=False)
    return budget.on_images(learner, 4e-3)


def from_scratch(budget: Budget) -> Learner[Any]:
    """A fresh network for each task, pooled, which without meta-training is better than the strided one."""
    return FromScratch(Conv4(hidden=budget.hidden, outputs=budget.ways), rule=SGD(0.1), steps=20)


def logistic_regression(budget: Budget) -> Learner[Any]:
    """On pixels."""
    del budget
    return LogisticRegression()


def nearest_centroid(budget: Budget) -> Learner[Any]:
    """On pixels."""
    del budget
    return NearestCentroid()


def nearest_neighbours(budget: Budget) -> Learner[Any]:
    """On pixels."""
    del budget
    return NearestNeighbours()
