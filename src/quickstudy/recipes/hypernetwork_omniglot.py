"""A hypernetwork on Omniglot: each class's row of a linear head is written from the mean of its examples' features."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.blackbox.hypernetwork import HyperNetwork
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.mlp import MLP
from quickstudy.nn.written import WrittenHead
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["hypernetwork_omniglot"]


@checked
def hypernetwork_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 20,
    train_queries: int = 5,
    hidden: int = 64,
    steps: int = 3000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """A hypernetwork on Omniglot (Vinyals' split, rotations as classes), inductive; encoder and writer are trained together.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task; more is harder and teaches more.
        train_queries: query examples of each class in meta-training.
        hidden: units of the hidden layer of each writer, of weights and of biases.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    encoder = Conv4()
    weights, bias = (MLP(encoder.features, (hidden,), outputs=outputs) for outputs in (encoder.features, 1))
    learner = HyperNetwork(encoder, WrittenHead(weights, bias))
    return by_adam(
        learner,
        few_shot(
            data,
            (train_ways, shots, train_queries),
            (ways, shots, queries),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        clip=None,
        validate_every=1000,
    )
