"""Deep kernel transfer, after Patacchiola et al., 2020: a Gaussian process on learned features."""

from typing import Annotated, Any

from quickstudy.learners.bayesian.deep_kernel_transfer import DeepKernelTransfer
from quickstudy.likelihood import Gaussian, MeanAndDeviation
from quickstudy.nn.kernels import CosineKernel
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log

__all__ = ["deep_kernel_transfer"]

_PRESETS: Presets = {"budget": BUDGET}


@recipe(_PRESETS)
def deep_kernel_transfer(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(),  # noqa: B008
    noise: Annotated[float, Log(0.001, 10.0)] = 0.1,
    marginal: bool = False,
) -> Recipe:
    """Deep kernel transfer: a Gaussian process of each class, on the cosines of learned features.

    The paper maximises the marginal likelihood of a task; the loss of its queries is better where classes are many.

    Args:
        noise: variance of the noise at the start; it is learned.
        marginal: meta-train on the marginal likelihood, as the paper does, instead of the loss of the queries.
    """
    problem = open_problem(data, sizes, outer.steps)
    likelihood: Any = MeanAndDeviation() if isinstance(problem.likelihood, Gaussian) else problem.likelihood
    encoder = problem.whole_network(data.width) if problem.backbone == "mlp" else problem.encoder()
    learner = DeepKernelTransfer(encoder, CosineKernel(), noise=noise, marginal=marginal, likelihood=likelihood)
    return outer.recipe(problem.of(learner), problem)
