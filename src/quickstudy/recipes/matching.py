"""Matching networks, after Vinyals et al., 2016: cosine attention with a learned scale."""

from typing import Annotated

from quickstudy.learners.metric.matching import MatchingNet
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET, MANY_WAYS
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log

__all__ = ["matching"]

_PRESETS: Presets = {
    "omniglot": MANY_WAYS,
    "budget": BUDGET,
}


@recipe(_PRESETS)
def matching(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(),  # noqa: B008
    scale: Annotated[float, Log(1.0, 100.0)] = 10.0,
) -> Recipe:
    """A matching network, without full-context embeddings.

    Args:
        scale: of the cosine at the start; it is meta-trained.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=60)
    return outer.recipe(problem.of(MatchingNet(problem.encoder(), scale=scale, learn_scale=True)), problem)
