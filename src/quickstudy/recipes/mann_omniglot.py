"""A memory-augmented network on Omniglot, after Santoro et al., 2016: 50 presentations of 5 classes, labels one step late."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.memory.mann import MANN
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.lrua import LRUA
from quickstudy.nn.recurrent import LSTMCell
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["mann_omniglot"]


@checked
def mann_omniglot(
    *,
    ways: int = 5,
    shots: int = 10,
    train_shots: int = 10,
    filters: int = 64,
    size: int = 20,
    hidden: int = 128,
    slots: int = 128,
    width: int = 40,
    heads: int = 4,
    batch: int = 16,
    steps: int = 5000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 2e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """MANN on Omniglot (Vinyals' split, rotations as classes); evaluate it by quickstudy evaluate RUN --stream.

    Smaller than the paper's in LSTM units (200); with a convolutional encoder, which the paper's has not.

    Args:
        ways: classes in a task, in training and test; labels are drawn anew for each.
        shots: presentations of each class in a meta-test stream.
        train_shots: presentations of each class in a meta-training stream.
        filters: of each convolution of the encoder.
        size: of the images, in pixels.
        hidden: units of the LSTM that controls the memory.
        slots: of the memory.
        width: numbers in a slot.
        heads: of the memory.
        batch: streams in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals", size=size)
    encoder = Conv4(hidden=filters, size=size, strided=True)
    controller = LSTMCell(2 * encoder.features + ways + heads * width, hidden)
    learner = MANN(encoder, LRUA(controller, ways, slots=slots, width=width, heads=heads))
    return by_adam(
        learner,
        few_shot(data, (ways, train_shots, 1), (ways, shots, 1), (ways, shots, 1), sampler=sampler, augment=augment, steps=steps),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=1000,
    )
