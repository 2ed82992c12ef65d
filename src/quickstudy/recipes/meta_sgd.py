"""Meta-SGD, after Li, Zhou, Chen & Li, 2017: one inner step, with a learned size for every weight."""

from typing import Annotated

from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Around

__all__ = ["meta_sgd"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 5,
        "train_queries": 3,
        "val_queries": 5,
        "inner_lr": 0.25,
        "norm": "batch",
        "batch": 16,
        "steps": 2800,
        "lr": 3e-3,
        "validations": 4,
    },
    "sinusoid": {
        "shots": 10,
        "width": 40,
        "inner_lr": 0.02,
        "batch": 25,
        "steps": 25_000,
        "clip": 0.0,
        "validations": 12,
        "lr": 2e-3,
        "anneal": "half-cosine",
    },
    "budget": BUDGET,
}


@recipe(_PRESETS)
def meta_sgd(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3, batch=8),  # noqa: B008
    inner_lr: Annotated[float, Around(10)] = 0.4,
    norm: NormPolicy = "support",
) -> Recipe:
    """Meta-SGD: MAML with a step size of its own for each weight.

    Args:
        inner_lr: what all step sizes of the inner loop start at, on the mean loss.
        norm: "batch" (transductive, as published) or "support" (inductive).
    """
    problem = open_problem(data, sizes, outer.steps)
    learner = MetaSGD(problem.whole_network(), inner_lr=inner_lr, norm=norm, likelihood=problem.likelihood)
    return outer.recipe(problem.of(learner), problem)
