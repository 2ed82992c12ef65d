"""A Neural Turing Machine learns to copy, after Graves, Wayne & Danihelka, 2014."""

from typing import Annotated

from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR

from quickstudy.learners.memory.sequence_transducer import SequenceTransducer
from quickstudy.nn.ntm import NTM
from quickstudy.nn.recurrent import FeedForward, LSTMCell
from quickstudy.recipes.checked import checked
from quickstudy.recipes.recipe import Recipe
from quickstudy.recipes.space import Log
from quickstudy.tasks.copy import Copy

__all__ = ["ntm_copy"]


@checked
def ntm_copy(
    *,
    length: int = 20,
    longest: int = 20,
    bits: int = 8,
    slots: int = 128,
    width: int = 20,
    hidden: int = 100,
    lstm: bool = False,
    batch: int = 16,
    steps: int = 8000,
    lr: Annotated[float, Log(5e-5, 5e-3)] = 5e-4,
) -> Recipe:
    """Copying 1 to 20 steps of 8 random bits; evaluated in bits a sequence at one length (guessing costs 160 at 20 steps).

    Adam forgets the size of gradients within twenty steps, as the paper's RMSProp does; with the usual thousand, training fell
    back to guessing after 800 to 2,500 steps (measured, see docs/design-log.md).

    Args:
        length: steps of a meta-test sequence.
        longest: steps of the longest meta-training sequence; the shortest has one.
        bits: of a step.
        slots: of the memory.
        width: numbers in a slot.
        hidden: size of the controller's layer.
        lstm: an LSTM as controller instead of a feed-forward layer.
        batch: sequences in an outer step, all of one length.
        steps: outer steps.
        lr: of Adam, annealed to 0 by a half cosine.
    """
    inputs = bits + 1 + width
    controller = LSTMCell(inputs, hidden) if lstm else FeedForward(inputs, hidden)
    learner = SequenceTransducer(NTM(controller, bits, slots=slots, width=width))
    optimizer = Adam(learner.parameters(), lr, betas=(0.9, 0.95))
    return Recipe(
        learner,
        Copy((1, longest), bits),
        Copy(longest, bits),
        Copy(length, bits),
        optimizer,
        steps,
        batch,
        CosineAnnealingLR(optimizer, steps),
        clip=10.0,
        validate_every=1000,
    )
