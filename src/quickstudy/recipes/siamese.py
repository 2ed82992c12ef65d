"""Siamese networks, after Koch, Zemel & Salakhutdinov, 2015: pairs within tasks."""

from quickstudy.learners.metric.siamese import SiameseNet
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET, MANY_WAYS
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["siamese"]

_PRESETS: Presets = {
    "omniglot": MANY_WAYS,
    "budget": BUDGET,
}


@recipe(_PRESETS)
def siamese(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(),  # noqa: B008
) -> Recipe:
    """A Siamese network, trained on all pairs of a task of many ways."""
    problem = open_problem(data, sizes, outer.steps, most_ways=60)
    encoder = problem.encoder()
    return outer.recipe(problem.of(SiameseNet(encoder, features=features_of(encoder))), problem)
