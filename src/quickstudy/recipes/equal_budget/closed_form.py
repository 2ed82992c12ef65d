"""The learners with a closed-form head under the equal budget."""

from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.recipe import Recipe

__all__ = ["lrd2", "r2d2"]


def r2d2(budget: Budget) -> Recipe:
    """A ridge regression on the features."""
    return budget.on_tasks(R2D2(budget.encoder()), 4e-3)


def lrd2(budget: Budget) -> Recipe:
    """A logistic regression on the features, solved to its optimum."""
    return budget.on_tasks(LRD2(budget.encoder()), 4e-3)
