"""Proto-MAML on Omniglot, after Triantafillou et al., 2020: prototypes make the head, then body and head adapt."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.optimization.proto_maml import ProtoMAML
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.fast import NormPolicy
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["proto_maml_omniglot"]


@checked
def proto_maml_omniglot(
    *,
    ways: int = 20,
    shots: int = 1,
    queries: int = 5,
    train_queries: int = 3,
    inner_lr: Annotated[float, Log(5e-3, 0.5)] = 0.05,
    scale: Annotated[float, Log(0.01, 10.0)] = 0.1,
    norm: NormPolicy = "support",
    batch: int = 2,
    steps: int = 1400,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """Proto-MAML on Omniglot (Vinyals' split, rotations as classes), 20 ways, one inner step, first order.

    Args:
        ways: classes in a task; any other number can be used at meta-test.
        shots: support examples of each class.
        queries: query examples of each class in a meta-test task.
        train_queries: query examples of each class in meta-training.
        inner_lr: step size of the inner loop, on the mean cross-entropy.
        scale: of the squared distances that the head starts from.
        norm: "support" (inductive) or "batch" (transductive).
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    learner = ProtoMAML(Conv4(), inner_lr=inner_lr, inner_steps=1, first_order=True, norm=norm, scale=scale)
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, shots, train_queries),
            (ways, shots, 5),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=350,
        val_tasks=100,
    )
