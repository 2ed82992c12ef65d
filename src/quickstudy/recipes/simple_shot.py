"""SimpleShot, after Wang, Chao, Weinberger & van der Maaten, 2019: a pre-trained classifier, then nearest centroids."""

from quickstudy.learners.metric.simple_shot import SimpleShot
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["simple_shot"]

_PRESETS: Presets = {"budget": BUDGET | {"examples": 240, "batch": 1}}


@recipe(_PRESETS)
def simple_shot(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(batch=1, lr=4e-3),  # noqa: B008
    examples: int = 128,
) -> Recipe:
    """SimpleShot: ordinary pre-training on all meta-training classes, then centroids of centred features of unit length.

    Args:
        examples: rows in a mini-batch of pre-training.
    """
    problem = open_problem(data, sizes, outer.steps).supervised("SimpleShot", examples)
    encoder = problem.encoder()
    learner = SimpleShot(encoder, features=features_of(encoder), classes=len(problem.classes("SimpleShot").classes))
    return outer.recipe(problem.of(learner), problem)
