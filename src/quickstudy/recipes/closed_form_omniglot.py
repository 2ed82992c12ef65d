"""R2-D2 and LR-D2 on Omniglot, after Bertinetto et al., 2019: many ways in training, a head solved for, inductive."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, Tasks, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["lrd2_omniglot", "r2d2_omniglot"]


@checked
def r2d2_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 60,
    train_queries: int = 3,
    penalty: Annotated[float, Log(0.1, 1000.0)] = 50.0,
    steps: int = 4000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 4e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """R2-D2 on Omniglot (Vinyals' split, rotations as classes), Conv4-64.

    Reduction: the paper's encoder has 96, 192, 384 and 512 channels, and its meta-training tasks have 1 to 10 shots.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task.
        train_queries: query examples of each class in meta-training.
        penalty: of the ridge regression at the start; it is learned.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    sizes = (train_ways, shots, train_queries), (20, shots, 5), (ways, shots, queries)
    tasks = few_shot(omniglot(split="vinyals"), *sizes, sampler=sampler, augment=augment, steps=steps)
    return _by_adam(R2D2(Conv4(), penalty=penalty), tasks, steps, lr)


@checked
def lrd2_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 20,
    train_queries: int = 5,
    penalty: Annotated[float, Log(0.01, 100.0)] = 1.0,
    steps: int = 2400,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 4e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """LR-D2 on Omniglot (Vinyals' split, rotations as classes), Conv4-64; of any number of classes, see `learners.LRD2`.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task; more is harder and teaches more.
        train_queries: query examples of each class in meta-training.
        penalty: of the logistic regression at the start; it is learned.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    sizes = (train_ways, shots, train_queries), (20, shots, 5), (ways, shots, queries)
    tasks = few_shot(omniglot(split="vinyals"), *sizes, sampler=sampler, augment=augment, steps=steps)
    return _by_adam(LRD2(Conv4(), penalty=penalty), tasks, steps, lr)


def _by_adam(learner: R2D2 | LRD2, tasks: Tasks, steps: int, lr: float) -> Recipe:
    return by_adam(learner, tasks, lr=lr, steps=steps, validate_every=max(1, steps // 4), val_tasks=100)
