"""FEAT, after Ye, Hu, Zhan & Sha, 2020: prototypes adapted to each other by attention; trained as a whole from the start."""

from typing import Annotated

from quickstudy.learners.metric.feat import FEAT
from quickstudy.nn.self_attention import SelfAttention
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET, MANY_WAYS
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Linear, Log

__all__ = ["feat"]

_PRESETS: Presets = {
    "omniglot": MANY_WAYS,
    "budget": BUDGET | {"temperature": 1.0, "contrast": 0.1, "dropout": 0.0},
}


@recipe(_PRESETS)
def feat(
    *,
    data: Data = Data(),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(),  # noqa: B008
    temperature: Annotated[float, Log(0.5, 100.0)] = 8.0,
    contrast: Annotated[float, Log(0.01, 10.0)] = 0.1,
    dropout: Annotated[float, Linear(0.0, 0.5)] = 0.1,
) -> Recipe:
    """FEAT: self-attention among the prototypes of a task.

    Reduction: the paper pre-trains the encoder and tunes it at a small step size; here all is trained together from the start.

    Args:
        temperature: of the squared distances, for classifying and for the contrastive term.
        contrast: weight of the contrastive term.
        dropout: of the attention's output.
    """
    problem = open_problem(data, sizes, outer.steps, most_ways=60)
    encoder = problem.encoder()
    attention = SelfAttention(features_of(encoder), dropout=dropout)
    learner = FEAT(encoder, attention, temperature=temperature, contrast=contrast, contrast_temperature=temperature)
    return outer.recipe(problem.of(learner), problem)
