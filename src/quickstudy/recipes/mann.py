"""Memory-augmented networks, after Santoro et al., 2016: an LSTM that writes where memory was used least."""

from quickstudy.learners.memory.mann import MANN
from quickstudy.nn.lrua import LRUA
from quickstudy.nn.recurrent import LSTMCell
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["mann"]

_PRESETS: Presets = {
    "omniglot": {
        "shots": 10,
        "queries": 1,
        "train_queries": 1,
        "val_queries": 1,
        "image_size": 20,
        "batch": 16,
        "steps": 5000,
        "lr": 2e-3,
    },
    "budget": BUDGET | {"hidden": 64, "slots": 16, "slot_width": 20, "heads": 2, "lr": 3e-3},
}


@recipe(_PRESETS)
def mann(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3, batch=8),  # noqa: B008
    hidden: int = 128,
    slots: int = 128,
    slot_width: int = 40,
    heads: int = 4,
) -> Recipe:
    """MANN; evaluate it by quickstudy evaluate RUN --stream.

    Smaller than the paper's in LSTM units (200); with a convolutional encoder, which the paper's has not.

    Args:
        hidden: units of the LSTM that controls the memory.
        slots: of the memory.
        slot_width: numbers in a slot.
        heads: of the memory.
    """
    problem = open_problem(data, sizes, outer.steps)
    encoder = problem.encoder()
    controller = LSTMCell(2 * features_of(encoder) + problem.outputs + heads * slot_width, hidden)
    learner = MANN(encoder, LRUA(controller, problem.outputs, slots=slots, width=slot_width, heads=heads))
    return outer.recipe(problem.of(learner), problem)
