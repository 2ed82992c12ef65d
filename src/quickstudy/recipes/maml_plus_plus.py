"""MAML++, after Antoniou, Edwards & Storkey, 2019: learned rates, step norms, annealed losses and derivatives."""

from typing import Annotated

from quickstudy.learners.optimization.maml_plus_plus import Improvements, MAMLPlusPlus
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Around, Linear

__all__ = ["maml_plus_plus"]

_PRESETS: Presets = {
    "omniglot": {"queries": 5, "train_queries": 5, "val_queries": 5, "width": 48, "norm": "batch", "steps": 4000, "lr": 3e-3},
    "budget": BUDGET | {"multi_step_loss": 5000, "first_order": 0},
}


@recipe(_PRESETS)
def maml_plus_plus(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=4e-3, batch=8),  # noqa: B008
    inner_lr: Annotated[float, Around(10)] = 0.4,
    inner_steps: Annotated[int, Linear(1, 5)] = 2,
    multi_step_loss: Annotated[int, AtLeast(0)] = 800,
    first_order: Annotated[int, AtLeast(0)] = 400,
    norm: NormPolicy = "support",
) -> Recipe:
    """MAML++; on Omniglot with batch statistics, as the published code has them.

    Reduced for minutes on one core: two inner steps for the paper's five, and on Omniglot 48 filters of stride two for 64 with
    pooling and 32,000 tasks for 400,000. Step statistics are off, which only ``norm="support"`` could read.

    Args:
        inner_lr: all rates at the start, on the mean loss.
        inner_steps: in meta-training and at meta-test.
        multi_step_loss: outer steps over which the loss after the first inner step fades.
        first_order: outer steps before inner gradients are differentiated.
        norm: "batch" (transductive, as published) or "support" (inductive).
    """
    problem = open_problem(data, sizes, outer.steps)
    improvements = Improvements(multi_step_loss, first_order, step_statistics=False)
    learner = MAMLPlusPlus(
        problem.whole_network(),
        improvements=improvements,
        inner_lr=inner_lr,
        inner_steps=inner_steps,
        norm=norm,
        likelihood=problem.likelihood,
    )
    return outer.recipe(problem.of(learner), problem)
