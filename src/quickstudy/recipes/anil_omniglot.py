"""ANIL on Omniglot, after Raghu, Raghu, Bengio & Vinyals, 2020: MAML's network, of which only the head adapts."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.mlp import MLP
from quickstudy.nn.standardised import Standardised
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Log

__all__ = ["anil_omniglot"]


@checked
def anil_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 15,
    train_ways: int = 20,
    train_queries: int = 2,
    inner_lr: Annotated[float, Log(0.03, 3.0)] = 0.3,
    inner_steps: Annotated[int, Log(1, 50)] = 20,
    batch: int = 4,
    steps: int = 1700,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 3e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """ANIL on Omniglot (Vinyals' split, rotations as classes), inductive: the encoder keeps running norm statistics.

    The head takes many small steps, which cost almost nothing, on standardised features. Measured without these: five steps
    of 0.5 leave the head unfitted (validation after 2,000 outer steps 91.1 %, 96.5 % when the same features get a fitted
    head), twenty of 0.25 let the features grow until inner descent is unstable and meta-training breaks down.

    Args:
        ways: classes in a meta-test task.
        shots: support examples of each class.
        queries: query examples of each class in a meta-test task.
        train_ways: classes in a meta-training task; more is harder and teaches more. The head has an output for each, of which
            a task of fewer ways uses the first.
        train_queries: query examples of each class in meta-training.
        inner_lr: step size of the head, on the mean cross-entropy.
        inner_steps: of the head in meta-training.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    encoder = Conv4()
    head = MLP(encoder.features, (), outputs=max(ways, train_ways))
    learner = ANIL(Standardised(encoder), head, inner_lr=inner_lr, inner_steps=inner_steps, test_steps=50)
    return by_adam(
        learner,
        few_shot(
            data,
            (train_ways, shots, train_queries),
            (ways, shots, 5),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=425,
    )
