"""A Neural Turing Machine as a learner, after Graves, Wayne & Danihelka, 2014: the support set is written to a tape."""

from quickstudy.learners.memory.ntm import NeuralTuringMachine
from quickstudy.nn.ntm import NTM
from quickstudy.nn.recurrent import LSTMCell
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.presets import BUDGET
from quickstudy.recipes.parts.problem import features_of, open_problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes

__all__ = ["neural_turing_machine"]

_PRESETS: Presets = {"budget": BUDGET | {"lr": 3e-3}}


@recipe(_PRESETS)
def neural_turing_machine(
    *,
    data: Data = Data(strided=True),  # noqa: B008  a frozen record
    sizes: Sizes = Sizes(),  # noqa: B008
    outer: Outer = Outer(lr=3e-3, batch=8),  # noqa: B008
    hidden: int = 64,
    slots: int = 16,
    slot_width: int = 20,
) -> Recipe:
    """A Neural Turing Machine that reads a task's examples one by one.

    Args:
        hidden: units of the LSTM that controls the heads.
        slots: of the tape.
        slot_width: numbers in a slot.
    """
    problem = open_problem(data, sizes, outer.steps)
    encoder = problem.encoder()
    ways = problem.outputs
    controller = LSTMCell(features_of(encoder) + ways + slot_width, hidden)
    learner = NeuralTuringMachine(encoder, NTM(controller, ways, slots=slots, width=slot_width))
    return outer.recipe(problem.of(learner), problem)
