"""ANIL, after Raghu, Raghu, Bengio & Vinyals, 2020: the head alone adapts."""

from typing import Annotated

from quickstudy.learners.optimization.anil import ANIL
from quickstudy.likelihood import Categorical
from quickstudy.nn.mlp import MLP
from quickstudy.nn.standardised import Standardised
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log

__all__ = ["anil"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 15,
        "train_ways": 20,
        "train_queries": 2,
        "val_queries": 5,
        "steps": 1700,
        "lr": 3e-3,
        "batch": 4,
        "strided": False,
        "validations": 4,
    },
    "budget": BUDGET | {"standardised": False, "inner_lr": 0.4, "inner_steps": 3, "test_steps": 5},
}


@recipe(_PRESETS)
def anil(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3, batch=4),  # noqa: B008
    inner_lr: Annotated[float, Log(0.03, 3.0)] = 0.3,
    inner_steps: Annotated[int, Log(1, 50)] = 20,
    test_steps: Annotated[int, Log(1, 100)] = 50,
    standardised: bool = True,
) -> Recipe:
    """ANIL, inductive: the encoder keeps running norm statistics.

    The head takes many small steps, which cost almost nothing, on standardised features. Measured on Omniglot without these: five
    steps of 0.5 leave the head unfitted (validation after 2,000 outer steps 91.1 %, 96.5 % when the same features get a fitted
    head), twenty of 0.25 let the features grow until inner descent is unstable and meta-training breaks down.

    Args:
        inner_lr: step size of the head, on the mean loss; for values it is divided by the number of features, which the
            curvature of squared errors grows with.
        inner_steps: of the head in meta-training.
        test_steps: of the head at meta-test.
        standardised: features of one length.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    encoder = problem.encoder()
    head = MLP(features_of(encoder), (), outputs=problem.outputs)
    rate = inner_lr if isinstance(problem.likelihood, Categorical) else inner_lr / features_of(encoder)
    body = Standardised(encoder) if standardised else encoder
    learner = ANIL(body, head, inner_lr=rate, inner_steps=inner_steps, test_steps=test_steps, likelihood=problem.likelihood)
    return outer.recipe(problem.of(learner), problem)
