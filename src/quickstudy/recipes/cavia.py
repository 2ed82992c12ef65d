"""CAVIA, after Zintgraf et al., 2019: a few numbers of context adapt, the network does not."""

from typing import Annotated

from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.nn.context import ContextNetwork, FiLMContext, InputContext
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Linear, Log

__all__ = ["cavia"]

_PRESETS: Presets = {
    "sinusoid": {
        "shots": 10,
        "width": 40,
        "context": 5,
        "inner_lr": 1.0,
        "inner_steps": 1,
        "batch": 25,
        "steps": 20_000,
        "lr": 1e-3,
        "validations": 10,
        "anneal": "half-cosine",
    },
    "budget": BUDGET,
}


@recipe(_PRESETS)
def cavia(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3, batch=8),  # noqa: B008
    context: int = 100,
    inner_lr: Annotated[float, Log(0.01, 100.0)] = 10.0,
    inner_steps: Annotated[int, Linear(1, 5)] = 2,
    first_order: bool = False,
) -> Recipe:
    """CAVIA: the context is put beside numbers that are inputs; in networks for images it scales and shifts channels.

    Args:
        context: numbers in the context.
        inner_lr: step size of the inner loop.
        inner_steps: inner steps in meta-training and at meta-test.
        first_order: treat inner gradients as constants.
    """
    problem = open_problem(data, sizes, outer.steps)
    if problem.backbone == "mlp":
        network: ContextNetwork = InputContext(problem.whole_network(extra=context), context)
    else:
        network = FiLMContext(problem.whole_network(), context=context)
    learner = CAVIA(network, inner_lr=inner_lr, inner_steps=inner_steps, first_order=first_order, likelihood=problem.likelihood)
    return outer.recipe(problem.of(learner), problem)
