"""Meta-SGD on Omniglot, after Li, Zhou, Chen & Li, 2017: MAML's network and protocol, with a learned step for every weight."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["meta_sgd_omniglot"]


@checked
def meta_sgd_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
    train_queries: int = 3,
    inner_lr: Annotated[float, Log(0.025, 2.5)] = 0.25,
    norm: NormPolicy = "batch",
    batch: int = 16,
    steps: int = 2800,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """Meta-SGD on Omniglot (Vinyals' split, rotations as classes): stride-2 Conv4, one inner step.

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class in a meta-test task.
        train_queries: query examples of each class in meta-training.
        inner_lr: what all step sizes of the inner loop start at, on the mean cross-entropy.
        norm: "batch" (transductive, as published) or "support" (inductive).
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    learner = MetaSGD(Conv4(outputs=ways, strided=True), inner_lr=inner_lr, norm=norm)
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, shots, train_queries),
            (ways, shots, queries),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=700,
    )
