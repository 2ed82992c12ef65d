"""CNAPs, after Requeima et al., 2019: a network's FiLM layers and head are written from the support set."""

from quickstudy.learners.blackbox.cnaps import CNAPs
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

__all__ = ["cnaps"]

_PRESETS: Presets = {"budget": BUDGET | {"reader_strided": True, "lr": 3e-3}}


@recipe(_PRESETS)
def cnaps(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3),  # noqa: B008
    code: int = 32,
    hidden: int = 64,
    reader_strided: bool = True,
) -> Recipe:
    """CNAPs; all trained together, no pre-training, with layer norms, which need no statistics of a batch inside of a task.

    Args:
        code: numbers in the code of a task.
        hidden: units of the hidden layer of each writer of the head.
        reader_strided: the network that reads the support set takes steps of two instead of pooling.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=20)
    network = problem.encoder()
    features = features_of(network)
    seen = problem.encoder(width=32, strided=reader_strided)
    reader = SetEncoder(NormedByExample(seen), MLP(features_of(seen), (code,)))
    weights, bias = (MLP(features, (hidden,), outputs=outputs) for outputs in (features, 1))
    return outer.recipe(problem.of(CNAPs(NormedByExample(network), reader, weights, bias, code=code)), problem)
