"""A hypernetwork: each class's row of a linear head is written from the mean of its examples' features."""

from quickstudy.learners.blackbox.hypernetwork import HyperNetwork
from quickstudy.nn.mlp import MLP
from quickstudy.nn.written import WrittenHead
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["hypernetwork"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 15,
        "train_ways": 20,
        "train_queries": 5,
        "val_queries": 15,
        "clip": 0.0,
        "steps": 3000,
        "validations": 3,
    },
    "budget": BUDGET | {"lr": 3e-3},
}


@recipe(_PRESETS)
def hypernetwork(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3),  # noqa: B008
    hidden: int = 64,
) -> Recipe:
    """A hypernetwork, inductive; encoder and writer are trained together.

    Args:
        hidden: units of the hidden layer of each writer, of weights and of biases.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    encoder = problem.encoder()
    features = features_of(encoder)
    weights, bias = (MLP(features, (hidden,), outputs=outputs) for outputs in (features, 1))
    return outer.recipe(problem.of(HyperNetwork(encoder, WrittenHead(weights, bias))), problem)
