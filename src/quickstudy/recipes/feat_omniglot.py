"""FEAT on Omniglot, after Ye, Hu, Zhan & Sha, 2020: Conv4-64, trained as a whole from the start, inductive."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.metric.feat import FEAT
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.self_attention import SelfAttention
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Linear, Log

__all__ = ["feat_omniglot"]


@checked
def feat_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 60,
    train_queries: int = 2,
    temperature: Annotated[float, Log(0.5, 100.0)] = 8.0,
    contrast: Annotated[float, Log(0.01, 10.0)] = 0.1,
    dropout: Annotated[float, Linear(0.0, 0.5)] = 0.1,
    steps: int = 1800,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 4e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """FEAT on Omniglot (Vinyals' split, rotations as classes).

    Reduction: the paper pre-trains the encoder and tunes it at a small step size; here all is trained together from the start.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class, in training and test.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task.
        train_queries: query examples of each class in meta-training.
        temperature: of the squared distances, for classifying and for the contrastive term.
        contrast: weight of the contrastive term.
        dropout: of the attention's output.
        steps: outer steps, one task each.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    encoder = Conv4()
    attention = SelfAttention(encoder.features, dropout=dropout)
    learner = FEAT(encoder, attention, temperature=temperature, contrast=contrast, contrast_temperature=temperature)
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
        validate_every=max(1, steps // 4),
        val_tasks=100,
    )
