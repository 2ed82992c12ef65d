"""MetaLSTM, after Ravi & Larochelle, 2017: an LSTM gates each weight's gradient."""

from typing import Annotated

from quickstudy.learners.optimization.meta_lstm import MetaLSTM
from quickstudy.nn.fast import NormPolicy
from quickstudy.nn.gated_descent import GatedDescent
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Linear

__all__ = ["meta_lstm"]

_PRESETS: Presets = {
    "omniglot": {"queries": 5, "train_queries": 5, "val_queries": 5, "width": 16, "steps": 1200, "rise": 0.1, "clip": 1.0},
    "budget": BUDGET | {"inner_steps": 4, "lr": 3e-3},
}


@recipe(_PRESETS)
def meta_lstm(
    *,
    data: Data = Data(strided=True, width=16),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3, batch=8),  # noqa: B008
    inner_steps: Annotated[int, Linear(1, 10)] = 5,
    norm: NormPolicy = "support",
) -> Recipe:
    """MetaLSTM.

    Every weight of the network costs an LSTM step at each inner step, so the network is small: on Omniglot 16 filters in place of
    the paper's 32, and 5 inner steps instead of 12. The input gates begin near the step that serves MAML here (0.27 to 0.5; the
    paper's 0.01 learns far slower: after 50 outer steps still nothing).

    Args:
        inner_steps: in meta-training and at meta-test.
        norm: "support" (inductive) or "batch" (transductive).
    """
    problem = open_problem(data, sizes, outer.steps)
    network, rule = problem.whole_network(), GatedDescent(input_bias=(-1.0, 0.0))
    learner = MetaLSTM(network, rule, inner_steps=inner_steps, norm=norm, likelihood=problem.likelihood)
    return outer.recipe(problem.of(learner), problem)
