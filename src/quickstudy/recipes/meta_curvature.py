"""Meta-Curvature, after Park & Oliva, 2019: inner gradients are transformed by learned matrices."""

from typing import Annotated

from quickstudy.learners.optimization.meta_curvature import MetaCurvature
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Around

__all__ = ["meta_curvature"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def meta_curvature(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3, batch=8),  # noqa: B008
    inner_lr: Annotated[float, Around(10)] = 0.4,
) -> Recipe:
    """Meta-Curvature: MAML whose inner gradients pass through learned matrices.

    Args:
        inner_lr: step size of the inner loop, on the mean loss.
    """
    problem = open_problem(data, sizes, outer.steps)
    learner = MetaCurvature(problem.whole_network(), inner_lr=inner_lr, likelihood=problem.likelihood)
    return outer.recipe(problem.of(learner), problem)
