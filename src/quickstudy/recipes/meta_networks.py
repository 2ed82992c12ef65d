"""Meta Networks, after Munkhdalai & Yu, 2017, reduced: fast weights in two small networks on one slow encoder."""

from quickstudy.learners.blackbox.meta_networks import MetaNetworks
from quickstudy.nn.augmented import AugmentedMLP
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["meta_networks"]

_PRESETS: Presets = {
    "omniglot": {"queries": 15, "train_queries": 5, "val_queries": 15, "steps": 2400, "validations": 3, "strided": False},
    "budget": BUDGET | {"lr": 3e-3},
}


@recipe(_PRESETS)
def meta_networks(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3, batch=4),  # noqa: B008
    hidden: int = 32,
) -> Recipe:
    """Meta Networks, inductive.

    In the paper all five convolutions of both networks have fast weights; here both stand on one encoder with slow weights alone,
    and have fast ones in their two fully connected layers.

    Args:
        hidden: units of the fully connected layers.
    """
    problem = open_problem(data, sizes, outer.steps)
    encoder = problem.encoder()
    base, keys = (AugmentedMLP(features_of(encoder), (hidden,), outputs=problem.outputs) for _ in range(2))
    return outer.recipe(problem.of(MetaNetworks(encoder, base, keys)), problem)
