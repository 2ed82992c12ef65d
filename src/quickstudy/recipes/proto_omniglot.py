"""ProtoNet on Omniglot, after Snell, Swersky & Zemel, 2017: many ways in training, Conv4-64, inductive."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["proto_omniglot"]


@checked
def proto_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 60,
    train_queries: int = 3,
    steps: int = 4000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 2e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """ProtoNet on Omniglot (Vinyals' split, rotations as classes).

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task; more is harder and teaches more.
        train_queries: query examples of each class in meta-training.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    learner = ProtoNet(Conv4())
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
        clip=None,
        validate_every=1000,
    )
