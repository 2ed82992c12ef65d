"""Matching networks on Omniglot, after Vinyals et al., 2016: cosine attention with a learned scale, Conv4-64, inductive."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.metric.matching import MatchingNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["matching_omniglot"]


@checked
def matching_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 60,
    train_queries: int = 2,
    scale: Annotated[float, Log(1.0, 100.0)] = 10.0,
    steps: int = 1800,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 4e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """A matching network on Omniglot (Vinyals' split, rotations as classes), without full-context embeddings.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task.
        train_queries: query examples of each class in meta-training.
        scale: of the cosine at the start; it is meta-trained.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    learner = MatchingNet(Conv4(), scale=scale, learn_scale=True)
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
