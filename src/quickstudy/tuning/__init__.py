"""A search over a recipe's arguments by its meta-validation tasks, with Optuna."""

from quickstudy.tuning.pruning import Pruning, by_hyperband, by_median, never
from quickstudy.tuning.search import tune

__all__ = ["Pruning", "by_hyperband", "by_median", "never", "tune"]
