"""Reptile on Omniglot, after Nichol, Achiam & Schulman, 2018: five inner steps of Adam on mini-batches of ten."""

import torch

from quickstudy.datasets.omniglot import omniglot
from quickstudy.functional.unroll import Adam
from quickstudy.learners.optimization.reptile import Reptile
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.recipe import Recipe
from quickstudy.tasks.few_shot import FewShot

__all__ = ["reptile_omniglot"]


def reptile_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_shots: int = 10,
    inner_lr: float = 1e-3,
    batch: int = 5,
    steps: int = 3000,
    lr: float = 1.0,
) -> Recipe:
    """Reptile on Omniglot (Vinyals' split, rotations as classes), inductive.

    Args:
        ways: classes in a task.
        shots: support examples of each class in a meta-test task.
        queries: query examples of each class in a meta-test task.
        train_shots: examples of each class in a meta-training task, support and query together.
        inner_lr: step size of the inner Adam.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: the outer step size, annealed to 0.
    """
    data = omniglot(split="vinyals")
    rule = Adam(inner_lr, betas=(0.0, 0.999))
    learner = Reptile(Conv4(outputs=ways, strided=True), rule=rule, inner_steps=5, inner_batch=2 * ways, test_steps=50)
    optimizer = torch.optim.SGD(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=FewShot(data.train, ways, 1, train_shots - 1),
        val=FewShot(data.val, ways, shots, 5),
        test=FewShot(data.test, ways, shots, queries),
        optimizer=optimizer,
        schedule=torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps),
        steps=steps,
        batch=batch,
        validate_every=1000,
        pictures=data.train.pictures,
    )
