"""Reptile, after Nichol, Achiam & Schulman, 2018: the initialisation moves toward each task's adapted weights."""

from typing import Annotated, Literal

import torch

from quickstudy.functional.unroll import SGD, Adam
from quickstudy.learners.optimization.reptile import Reptile
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Around, Linear

__all__ = ["reptile"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 15,
        "train_shots": 1,
        "train_queries": 9,
        "val_queries": 5,
        "clip": 0.0,
        "steps": 5000,
        "lr": 5e-3,
        "batch": 5,
        "flat": True,
    },
    "budget": BUDGET | {"inner_rule": "adam", "inner_lr": 3e-3, "test_steps": 20, "outer_rule": "sgd", "lr": 1.0},
}


@recipe(_PRESETS)
def reptile(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=5e-3, batch=5, clip=0.0, anneal="linear"),  # noqa: B008
    inner_rule: Literal["sgd", "adam"] = "sgd",
    inner_lr: Annotated[float, Around(10)] = 0.2,
    inner_steps: int = 5,
    test_steps: Annotated[int, Linear(5, 50)] = 10,
    outer_rule: Literal["adam", "sgd"] = "adam",
    flat: bool = False,
) -> Recipe:
    """Reptile, inductive; inner batches hold two examples of each class on average, the outer step size falls to 0.

    The paper's inner Adam of 1e-3 and outer step of 1 need 100,000 outer steps on Omniglot; gradient descent of 0.2 inside and
    Adam outside learn faster by an order of magnitude (measured, see docs/results.md).

    Args:
        inner_rule: of the inner loop.
        inner_lr: step size of the inner loop.
        inner_steps: in meta-training.
        test_steps: at meta-test.
        outer_rule: of the outer loop; sgd with an lr of 1 is as published.
        flat: keep the features of every position, where the backbone is conv4.
    """
    problem = open_problem(data, sizes, outer.steps)
    rule = SGD(inner_lr) if inner_rule == "sgd" else Adam(inner_lr, betas=(0.0, 0.999))
    learner = problem.of(
        Reptile(
            problem.whole_network(flat=flat),
            rule=rule,
            inner_steps=inner_steps,
            inner_batch=2 * problem.outputs,
            test_steps=test_steps,
            likelihood=problem.likelihood,
        )
    )
    optimizer = torch.optim.SGD(learner.parameters(), outer.lr) if outer_rule == "sgd" else None
    return outer.recipe(learner, problem, optimizer=optimizer)
