"""BOIL, after Oh, Yoo, Kim & Yun, 2021: the body alone adapts."""

from typing import Annotated

from quickstudy.learners.optimization.boil import BOIL
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Around, Linear

__all__ = ["boil"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def boil(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3, batch=8),  # noqa: B008
    inner_lr: Annotated[float, Around(10)] = 0.4,
    test_steps: Annotated[int, Linear(1, 10)] = 3,
) -> Recipe:
    """BOIL: inner steps change the body, never the head.

    Args:
        inner_lr: step size of the body, on the mean loss.
        test_steps: inner steps at meta-test; one is taken in meta-training.
    """
    problem = open_problem(data, sizes, outer.steps)
    body = problem.encoder()
    learner = BOIL(body, MLP(features_of(body), (), outputs=problem.outputs), inner_lr=inner_lr, test_steps=test_steps)
    return outer.recipe(problem.of(learner), problem)
