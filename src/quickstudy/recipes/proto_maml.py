"""Proto-MAML, after Triantafillou et al., 2020: prototypes make the head, then body and head adapt."""

from typing import Annotated

from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Linear, Log

__all__ = ["proto_maml"]

_PRESETS: Presets = {
    "omniglot": {
        "ways": 20,
        "queries": 5,
        "train_queries": 3,
        "val_queries": 5,
        "steps": 1400,
        "lr": 3e-3,
        "validations": 4,
        "val_tasks": 100,
        "batch": 2,
        "strided": False,
    },
    "budget": BUDGET | {"inner_lr": 0.1, "test_steps": 3, "scale": 1.0, "first_order": False},
}


@recipe(_PRESETS)
def proto_maml(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3, batch=4),  # noqa: B008
    inner_lr: Annotated[float, Log(5e-3, 0.5)] = 0.05,
    test_steps: Annotated[int, Linear(1, 10)] = 1,
    scale: Annotated[float, Log(0.01, 10.0)] = 0.1,
    first_order: bool = True,
    norm: NormPolicy = "support",
) -> Recipe:
    """Proto-MAML, one inner step.

    Args:
        inner_lr: step size of the inner loop, on the mean cross-entropy.
        test_steps: inner steps at meta-test; one is taken in meta-training.
        scale: of the squared distances that the head starts from.
        first_order: treat inner gradients as constants.
        norm: "support" (inductive) or "batch" (transductive).
    """
    problem = open_problem(data, sizes, outer.steps)
    learner = ProtoMAML(
        problem.encoder(),
        inner_lr=inner_lr,
        inner_steps=1,
        test_steps=test_steps,
        first_order=first_order,
        norm=norm,
        scale=scale,
    )
    return outer.recipe(problem.of(learner), problem)
