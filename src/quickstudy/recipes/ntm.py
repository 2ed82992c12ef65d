"""A Neural Turing Machine on sequences, after Graves, Wayne & Danihelka, 2014: it learns to copy what it was shown."""

from typing import Literal

from torch.optim import Adam

from quickstudy.learners.memory.sequence_transducer import SequenceTransducer
from quickstudy.nn.ntm import NTM
from quickstudy.nn.recurrent import FeedForward, LSTMCell
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.problem import Problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.tasks.copy import Copy

__all__ = ["ntm"]


@recipe()
def ntm(
    *,
    data: Literal["copy"] = "copy",
    length: int = 20,
    longest: int = 20,
    bits: int = 8,
    slots: int = 128,
    slot_width: int = 20,
    hidden: int = 100,
    lstm: bool = False,
    outer: Outer = Outer(steps=8000, lr=5e-4, batch=16, validations=8, anneal="half-cosine"),  # noqa: B008  a frozen record
) -> Recipe:
    """Copying 1 to 20 steps of 8 random bits; evaluated in bits a sequence at one length (guessing costs 160 at 20 steps).

    Adam forgets the size of gradients within twenty steps, as the paper's RMSProp does; with the usual thousand, training fell
    back to guessing after 800 to 2,500 steps (measured, see docs/design-log.md).

    Args:
        data: sequences of random bits, to be copied.
        length: steps of a meta-test sequence.
        longest: steps of the longest meta-training sequence; the shortest has one.
        bits: of a step.
        slots: of the memory.
        slot_width: numbers in a slot.
        hidden: size of the controller's layer.
        lstm: an LSTM as controller instead of a feed-forward layer.
    """
    inputs = bits + 1 + slot_width
    controller = LSTMCell(inputs, hidden) if lstm else FeedForward(inputs, hidden)
    learner = SequenceTransducer(NTM(controller, bits, slots=slots, width=slot_width))
    problem = Problem(Tasks(Copy((1, longest), bits), Copy(longest, bits), Copy(length, bits)), Sizes(), Data(data))
    optimizer = Adam(learner.parameters(), outer.lr, betas=(0.9, 0.95))
    return outer.recipe(learner, problem, optimizer=optimizer)
