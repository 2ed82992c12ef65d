"""Prototypes under each class's own Mahalanobis distance, after Bateni et al., 2020."""

from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["mahalanobis_proto"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def mahalanobis_proto(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(),  # noqa: B008
) -> Recipe:
    """MahalanobisProtoNet: prototypes, and a covariance of each class that is shrunk to that of the task."""
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    return outer.recipe(problem.of(MahalanobisProtoNet(problem.encoder())), problem)
