"""Logistic regression on learned features, whose penalty and scale follow shots and ways by six meta-learned numbers."""

from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["logistic_by_shots"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def logistic_by_shots(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3),  # noqa: B008
) -> Recipe:
    """LogisticByShots, trained through its solver; the learner of the ready heads for photos and texts."""
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    return outer.recipe(problem.of(LogisticByShots(problem.encoder())), problem)
