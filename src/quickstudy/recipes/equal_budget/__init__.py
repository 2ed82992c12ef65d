"""One small budget, equal for all classification learners, and how each uses it."""

from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.equal_budget.everyone import CONTENDERS, Contender

__all__ = ["CONTENDERS", "Budget", "Contender"]
