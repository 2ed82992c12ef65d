"""Reptile on Omniglot, after Nichol, Achiam & Schulman, 2018: five inner steps on mini-batches of ten."""

from typing import Annotated

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LinearLR, LRScheduler

from quickstudy.datasets.omniglot import omniglot
from quickstudy.functional.unroll import SGD
from quickstudy.learners.optimization.reptile import Reptile
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["reptile_omniglot"]


@checked
def reptile_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_shots: int = 10,
    inner_lr: Annotated[float, Log(0.02, 2.0)] = 0.2,
    batch: int = 5,
    steps: int = 5000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 5e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """Reptile on Omniglot (Vinyals' split, rotations as classes), inductive.

    The paper's inner Adam of 1e-3 and outer step of 1 need 100,000 outer steps; gradient descent of 0.2 inside and Adam
    outside learn faster by an order of magnitude (measured, see docs/results.md).

    Args:
        ways: classes in a task.
        shots: support examples of each class in a meta-test task.
        queries: query examples of each class in a meta-test task.
        train_shots: examples of each class in a meta-training task, support and query together.
        inner_lr: step size of the inner gradient descent.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: step size of the outer Adam, annealed to 0.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    network = Conv4(outputs=ways, strided=True, flat=True)
    learner = Reptile(network, rule=SGD(inner_lr), inner_steps=5, inner_batch=2 * ways, test_steps=10)
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, 1, train_shots - 1),
            (ways, shots, 5),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        schedule=_to_zero,
        clip=None,
        validate_every=1000,
    )


def _to_zero(optimizer: Optimizer, steps: int) -> LRScheduler:
    return LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
