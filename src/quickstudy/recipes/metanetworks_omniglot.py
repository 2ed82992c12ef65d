"""Meta Networks on Omniglot, after Munkhdalai & Yu, 2017, reduced: fast weights in two small networks on one slow encoder."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.blackbox.meta_networks import MetaNetworks
from quickstudy.nn.augmented import AugmentedMLP
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["metanetworks_omniglot"]


@checked
def metanetworks_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_queries: int = 5,
    hidden: int = 32,
    batch: int = 4,
    steps: int = 2400,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """Meta Networks on Omniglot (Vinyals' split, rotations as classes), inductive.

    In the paper all five convolutions of both networks have fast weights; here both stand on one Conv4 with slow weights
    alone, and have fast ones in their two fully connected layers.

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class in a meta-test task.
        train_queries: query examples of each class in meta-training.
        hidden: units of the fully connected layers.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    encoder = Conv4()
    base, keys = (AugmentedMLP(encoder.features, (hidden,), outputs=ways) for _ in range(2))
    learner = MetaNetworks(encoder, base, keys)
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
        validate_every=800,
    )
