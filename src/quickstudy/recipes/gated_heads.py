"""Logistic regressions on frozen and on mapped features, and a gate by shots and ways between them."""

from typing import Any

from torch import nn

from quickstudy.learners.closed_form.gated_heads import GatedHeads
from quickstudy.nn.chained import Chained
from quickstudy.nn.feature_map import LinearMap
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["gated_heads"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def gated_heads(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3),  # noqa: B008
) -> Recipe:
    """GatedHeads: on frozen features it starts at the logistic regression on them, and meta-training does not forget that."""
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    encoder: Any = problem.encoder()
    if problem.fitted:
        return outer.recipe(problem.of(GatedHeads(UnitLength(), encoder)), problem)
    features = features_of(encoder)
    mapped = Chained([LinearMap(features), UnitLength()], features)
    return outer.recipe(problem.of(GatedHeads(nn.Sequential(encoder, UnitLength()), mapped)), problem)
