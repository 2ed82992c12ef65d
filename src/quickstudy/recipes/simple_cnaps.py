"""Simple CNAPs, after Bateni et al., 2020: FiLM layers are written from the support set, the head is Mahalanobis."""

from quickstudy.learners.blackbox.simple_cnaps import SimpleCNAPs
from quickstudy.nn.mlp import MLP
from quickstudy.nn.renormed import NormedByExample
from quickstudy.nn.set_encoder import SetEncoder
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["simple_cnaps"]

_PRESETS: Presets = {
    "omniglot": {
        "queries": 15,
        "train_ways": 20,
        "train_queries": 5,
        "val_queries": 15,
        "clip": 0.0,
        "steps": 2400,
        "lr": 2e-3,
        "validations": 3,
    },
    "budget": BUDGET | {"lr": 3e-3},
}


@recipe(_PRESETS)
def simple_cnaps(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3),  # noqa: B008
    code: int = 32,
) -> Recipe:
    """Simple CNAPs, inductive.

    The paper's network is pre-trained and keeps its weights and running norm averages. Here it is trained along, and its norms
    are layer norms, which need no statistics of a batch inside of a task.

    Args:
        code: numbers in the code of a task.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    seen = problem.encoder(width=32, strided=True)
    reader = SetEncoder(NormedByExample(seen), MLP(features_of(seen), (code,)))
    return outer.recipe(problem.of(SimpleCNAPs(NormedByExample(problem.encoder()), reader, code=code)), problem)
