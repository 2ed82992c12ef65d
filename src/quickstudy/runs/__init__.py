"""A recipe being trained in a folder; all learners on one budget."""

from quickstudy.runs.equal_budget import OtherBudget, Standing, chosen, compete, settings_of, summary
from quickstudy.runs.known import recipe_functions
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.runs.traditional import meta_trained, traditional

__all__ = [
    "OtherBudget",
    "Run",
    "Standing",
    "Validation",
    "chosen",
    "compete",
    "meta_trained",
    "recipe_functions",
    "settings_of",
    "summary",
    "traditional",
]
