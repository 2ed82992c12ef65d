"""Simple CNAPs on Omniglot, after Bateni et al., 2020: Conv4 under FiLM and a Mahalanobis head, all trained together."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.blackbox.simple_cnaps import SimpleCNAPs
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.mlp import MLP
from quickstudy.nn.renormed import NormedByExample
from quickstudy.nn.set_encoder import SetEncoder
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["simple_cnaps_omniglot"]


@checked
def simple_cnaps_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 20,
    train_queries: int = 5,
    code: int = 32,
    steps: int = 2400,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 2e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """Simple CNAPs on Omniglot (Vinyals' split, rotations as classes), inductive.

    The paper's network is pre-trained and keeps its weights and running norm averages. Here it is trained along, and its
    norms are layer norms, which need no statistics of a batch inside of a task.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task; more is harder and teaches more.
        train_queries: query examples of each class in meta-training.
        code: numbers in the code of a task.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    seen = Conv4(hidden=32, strided=True)
    reader = SetEncoder(NormedByExample(seen), MLP(seen.features, (code,)))
    learner = SimpleCNAPs(NormedByExample(Conv4()), reader, code=code)
    return by_adam(
        learner,
        few_shot(
            data,
            (train_ways, shots, train_queries),
            (ways, shots, queries),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        clip=None,
        validate_every=800,
    )
