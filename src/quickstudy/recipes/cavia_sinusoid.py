"""CAVIA on sine waves, after Zintgraf et al., 2019: five context numbers encode amplitude and phase after one step."""

from typing import Annotated

from torch.optim.lr_scheduler import CosineAnnealingLR

from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.likelihood import Gaussian
from quickstudy.nn.context import InputContext
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.checked import checked
from quickstudy.recipes.recipe import Recipe, by_adam, sinusoids
from quickstudy.recipes.space import Linear, Log

__all__ = ["cavia_sinusoid"]


@checked
def cavia_sinusoid(
    *,
    shots: int = 10,
    context: int = 5,
    inner_lr: Annotated[float, Log(0.01, 10.0)] = 1.0,
    inner_steps: Annotated[int, Linear(1, 5)] = 1,
    first_order: bool = False,
    batch: int = 25,
    steps: int = 20_000,
    lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-3,
) -> Recipe:
    """CAVIA on sinusoids: an MLP 40-40-1 of the input and the context, evaluated on 100 points of the curve.

    Args:
        shots: points in the support set.
        context: numbers in the context.
        inner_lr: step size of the inner loop.
        inner_steps: inner steps in meta-training and at meta-test.
        first_order: treat inner gradients as constants.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: of Adam, annealed to 0 by a half cosine.
    """
    learner = CAVIA(
        InputContext(MLP(1 + context, (40, 40), outputs=1), context),
        inner_lr=inner_lr,
        inner_steps=inner_steps,
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
        validate_every=2000,
    )
