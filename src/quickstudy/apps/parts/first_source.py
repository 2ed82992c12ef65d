"""The first of the sources that a recipe's meta-training mixes."""

from typing import TypeVar

from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.tasks.mixture import Mixture

__all__ = ["first_source"]

S = TypeVar("S")


def first_source(recipe: Recipe, kind: type[S]) -> S:
    """The first source, from which methods beside the learner take what they know of meta-training.

    Args:
        recipe: whose ``train`` is a mixture.
        kind: of its sources.
    """
    source = recipe.train
    assert isinstance(source, Mixture)
    first = source.sources[0]
    assert isinstance(first, kind)
    return first
