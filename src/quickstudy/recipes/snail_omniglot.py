"""SNAIL on Omniglot, after Mishra, Rohaninejad, Chen & Abbeel, 2018, with a stride-2 Conv4 as encoder."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.memory.snail import SNAIL
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.snail import CausalNet
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["snail_omniglot"]


@checked
def snail_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_queries: int = 3,
    filters: int = 128,
    batch: int = 16,
    steps: int = 9000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """SNAIL on Omniglot (Vinyals' split, rotations as classes).

    The paper's network on features of 64 numbers: attention, convolutions, attention, convolutions, attention.

    Args:
        ways: classes in a task, in training and test.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_queries: query examples of each class in meta-training, each the end of a sequence of its own.
        filters: of each temporal convolution.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    encoder = Conv4(strided=True)
    network = CausalNet(encoder.features + ways, ways, length=ways * shots + 1, filters=filters)
    learner = SNAIL(encoder, network)
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, shots, train_queries),
            (ways, shots, 5),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=500,
    )
