"""SNAIL, after Mishra, Rohaninejad, Chen & Abbeel, 2018: temporal convolutions and causal attention over the support set."""

from typing import Literal

from quickstudy.learners.memory.snail import SNAIL
from quickstudy.nn.snail import CausalNet
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["snail"]

_PRESETS: Presets = {
    "omniglot": {"queries": 15, "train_queries": 3, "val_queries": 5, "batch": 16, "steps": 9000, "lr": 3e-3, "validations": 18},
    "budget": BUDGET | {"filters": 32, "attentions": "third", "lr": 2e-3},
}

_ATTENTIONS = {"paper": ((64, 32), (256, 128), (512, 256)), "third": ((32, 16), (64, 32), (128, 64))}


@recipe(_PRESETS)
def snail(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=2e-3, batch=8),  # noqa: B008
    filters: int = 128,
    attentions: Literal["paper", "third"] = "paper",
) -> Recipe:
    """SNAIL: the paper's network on features of an encoder: attention, convolutions, attention, convolutions, attention.

    Args:
        filters: of each temporal convolution.
        attentions: sizes of keys and values: the paper's, or about a third of them.
    """
    problem = open_problem(data, sizes, outer.steps)
    encoder = problem.encoder()
    ways = problem.outputs
    network = CausalNet(
        features_of(encoder) + ways,
        ways,
        length=ways * max(problem.sizes.shots, problem.sizes.train_shots) + 1,
        filters=filters,
        attentions=_ATTENTIONS[attentions],
    )
    return outer.recipe(problem.of(SNAIL(encoder, network)), problem)
