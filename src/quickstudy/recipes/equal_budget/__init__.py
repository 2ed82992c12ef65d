"""One small equal budget, and how every classification learner spends it."""

from quickstudy.recipes.equal_budget.budget import Budget
from quickstudy.recipes.equal_budget.everyone import CONTENDERS, Contender

__all__ = ["CONTENDERS", "Budget", "Contender"]
