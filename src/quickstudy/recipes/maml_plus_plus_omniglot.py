"""MAML++ on Omniglot, after Antoniou, Edwards & Storkey, 2019: learned rates, step norms, annealed losses and derivatives."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.optimization.maml_plus_plus import Improvements, MAMLPlusPlus
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.checked import AtLeast, checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Linear, Log

__all__ = ["maml_plus_plus_omniglot"]


@checked
def maml_plus_plus_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
    hidden: int = 48,
    inner_lr: Annotated[float, Log(0.04, 4.0)] = 0.4,
    inner_steps: Annotated[int, Linear(1, 5)] = 2,
    multi_step_loss: Annotated[int, AtLeast(0)] = 800,
    first_order: Annotated[int, AtLeast(0)] = 400,
    norm: NormPolicy = "batch",
    batch: int = 8,
    steps: int = 4000,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """MAML++ on Omniglot (Vinyals' split, rotations as classes), with batch statistics, as the published code has them.

    Reduced for minutes on one core: two inner steps for the paper's five, 48 filters of stride two for 64 with pooling,
    and 32,000 tasks for 400,000. Step statistics are off, which only ``norm="support"`` could read.

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class.
        hidden: filters of each block.
        inner_lr: all rates at the start, on the mean cross-entropy.
        inner_steps: in meta-training and at meta-test.
        multi_step_loss: outer steps over which the loss after the first inner step fades.
        first_order: outer steps before inner gradients are differentiated.
        norm: "batch" (transductive, as published) or "support" (inductive).
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    improvements = Improvements(multi_step_loss, first_order, step_statistics=False)
    network = Conv4(hidden=hidden, outputs=ways, strided=True)
    learner = MAMLPlusPlus(network, improvements=improvements, inner_lr=inner_lr, inner_steps=inner_steps, norm=norm)
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
        validate_every=max(1, steps // 5),
    )
