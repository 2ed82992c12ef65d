"""Siamese networks on Omniglot, after Koch, Zemel & Salakhutdinov, 2015: pairs within tasks, Conv4-64, inductive."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.metric.siamese import SiameseNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["siamese_omniglot"]


@checked
def siamese_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 60,
    train_queries: int = 2,
    steps: int = 1800,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 4e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """A Siamese network on Omniglot (Vinyals' split, rotations as classes), trained on all pairs of a task of many ways.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task.
        train_queries: query examples of each class in meta-training.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    encoder = Conv4()
    learner = SiameseNet(encoder, features=encoder.features)
    return by_adam(
        learner,
        few_shot(
            data,
            (train_ways, shots, train_queries),
            (20, shots, 5),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        validate_every=max(1, steps // 4),
        val_tasks=100,
    )
