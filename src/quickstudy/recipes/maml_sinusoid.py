"""MAML on sine waves, after Finn, Abbeel & Levine, 2017."""

from typing import Annotated

from torch.optim.lr_scheduler import CosineAnnealingLR

from quickstudy.learners.optimization.maml import MAML
from quickstudy.likelihood import Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.checked import checked
from quickstudy.recipes.recipe import Recipe, by_adam, sinusoids
from quickstudy.recipes.space import Linear, Log

__all__ = ["maml_sinusoid"]


@checked
def maml_sinusoid(
    *,
    shots: int = 10,
    inner_lr: Annotated[float, Log(1e-3, 0.3)] = 0.01,
    test_steps: Annotated[int, Linear(1, 10)] = 1,
    first_order: bool = False,
    batch: int = 25,
    steps: int = 30_000,
    lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-3,
) -> Recipe:
    """MAML on sinusoids: an MLP 1-40-40-1, evaluated on 100 points of the curve.

    Args:
        shots: points in the support set.
        inner_lr: step size of the inner loop.
        test_steps: inner steps at meta-test; one is taken in meta-training.
        first_order: first-order MAML.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: of Adam, annealed to 0 by a half cosine.
    """
    learner = MAML(
        MLP(1, (40, 40), outputs=1),
        inner_lr=inner_lr,
        inner_steps=1,
        test_steps=test_steps,
        first_order=first_order,
        likelihood=Gaussian(),
    )
    return by_adam(
        learner,
        sinusoids(shots),
        lr=lr,
        steps=steps,
        batch=batch,
        schedule=CosineAnnealingLR,
        clip=None,
        validate_every=2000,
    )
