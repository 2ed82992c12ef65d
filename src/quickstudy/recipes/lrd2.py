"""LR-D2, after Bertinetto et al., 2019: a logistic regression on learned features, solved to its optimum."""

from typing import Annotated

from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log

__all__ = ["lrd2"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 15,
        "train_ways": 20,
        "train_queries": 5,
        "val_ways": 20,
        "val_queries": 5,
        "steps": 2400,
        "validations": 4,
        "val_tasks": 100,
    },
    "budget": BUDGET,
}


@recipe(_PRESETS)
def lrd2(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3),  # noqa: B008
    penalty: Annotated[float, Log(0.01, 100.0)] = 1.0,
) -> Recipe:
    """LR-D2 of any number of classes, see `learners.LRD2`.

    Args:
        penalty: of the logistic regression at the start; it is learned.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    return outer.recipe(problem.of(LRD2(problem.encoder(), penalty=penalty)), problem)
