"""LEO, after Rusu et al., 2019: adaptation in a small latent space, on features of a pre-trained encoder."""

from quickstudy.learners.blackbox.leo import LEO
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.pretraining import pretrained
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["leo"]

_PRESETS: Presets = {"budget": BUDGET | {"pretraining": 270, "examples": 240, "steps": 30, "latent": 32, "lr": 1e-2}}


@recipe(_PRESETS)
def leo(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=1e-2, batch=8),  # noqa: B008
    latent: int = 64,
    pretraining: int = 300,
    examples: int = 128,
) -> Recipe:
    """LEO: the encoder is pre-trained on the meta-training classes and frozen; a pretrained backbone is frozen as it is.

    Args:
        latent: numbers in a class's code.
        pretraining: steps of the encoder's pre-training, where it is trained from scratch.
        examples: rows in a mini-batch of pre-training.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    encoder = problem.encoder() if problem.fitted else pretrained(problem, pretraining, examples)
    learner = LEO(UnitLength(encoder), features=features_of(encoder), latent=latent)
    return outer.recipe(problem.of(learner), problem)
