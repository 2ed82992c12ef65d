"""Kernel ridge regression of each task, on the cosines of learned features."""

from typing import Annotated, Any

from quickstudy.learners.closed_form.kernel_ridge import KernelRidge
from quickstudy.nn.kernels import CosineKernel
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log

__all__ = ["kernel_ridge"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def kernel_ridge(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3),  # noqa: B008
    penalty: Annotated[float, Log(0.01, 10.0)] = 0.3,
    balanced: bool = False,
) -> Recipe:
    """KernelRidge: a network learns features, a ridge regression in the space of their cosines answers each task.

    Args:
        penalty: of the ridge regression at the start; it is learned.
        balanced: each class counts the same, whatever its number of examples; for classes.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    likelihood: Any = problem.likelihood
    encoder = problem.whole_network(data.width) if problem.backbone == "mlp" else problem.encoder()
    learner = KernelRidge(encoder, CosineKernel(), penalty=penalty, scale=10.0, balanced=balanced, likelihood=likelihood)
    return outer.recipe(problem.of(learner), problem)
