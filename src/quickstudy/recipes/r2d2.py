"""R2-D2, after Bertinetto et al., 2019: a ridge regression on learned features."""

from typing import Annotated

from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log

__all__ = ["r2d2"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 15,
        "train_ways": 60,
        "train_queries": 3,
        "val_ways": 20,
        "val_queries": 5,
        "steps": 4000,
        "lr": 4e-3,
        "validations": 4,
        "val_tasks": 100,
    },
    "sinusoid": {
        "shots": 10,
        "width": 40,
        "penalty": 1.0,
        "batch": 25,
        "steps": 20_000,
        "lr": 1e-3,
        "validations": 10,
        "anneal": "half-cosine",
    },
    "budget": BUDGET,
}


@recipe(_PRESETS)
def r2d2(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3),  # noqa: B008
    penalty: Annotated[float, Log(0.01, 1000.0)] = 50.0,
) -> Recipe:
    """R2-D2: a network learns features, a ridge regression adds them up.

    Reductions on Omniglot: the paper's encoder has 96, 192, 384 and 512 channels, and its meta-training tasks have 1 to 10 shots.

    Args:
        penalty: of the ridge regression at the start; it is learned.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=60)
    encoder = problem.whole_network(data.width) if problem.backbone == "mlp" else problem.encoder()
    learner = R2D2(encoder, penalty=penalty, likelihood=problem.likelihood)
    return outer.recipe(problem.of(learner), problem)
