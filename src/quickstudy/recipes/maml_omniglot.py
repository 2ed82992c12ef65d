"""MAML on Omniglot, after Finn, Abbeel & Levine, 2017: stride-2 Conv4, one inner step, batch statistics as in the paper."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.optimization.maml import MAML
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Linear, Log

__all__ = ["maml_omniglot"]


@checked
def maml_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
    inner_lr: Annotated[float, Log(0.05, 5.0)] = 0.5,
    test_steps: Annotated[int, Linear(1, 10)] = 3,
    first_order: bool = False,
    norm: NormPolicy = "batch",
    batch: int = 16,
    steps: int = 3500,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """MAML on Omniglot (Vinyals' split, rotations as classes).

    The paper's inner step of 0.4 on the sum over the ways is 2.0 on the mean at 5 ways; within tens of thousands of tasks
    instead of millions a quarter of it learns faster (measured, see docs/results.md).

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class.
        inner_lr: step size of the inner loop, on the mean cross-entropy.
        test_steps: inner steps at meta-test; one is taken in meta-training.
        first_order: first-order MAML.
        norm: "batch" (transductive, as published) or "support" (inductive).
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    network = Conv4(outputs=ways, strided=True)
    learner = MAML(network, inner_lr=inner_lr, inner_steps=1, test_steps=test_steps, first_order=first_order, norm=norm)
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, shots, queries),
            (ways, shots, queries),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=1000,
    )
