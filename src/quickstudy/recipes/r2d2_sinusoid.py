"""R2-D2 on sine waves, after Bertinetto et al., 2019: a network learns forty functions, a ridge regression adds them up."""

from typing import Annotated

from torch.optim.lr_scheduler import CosineAnnealingLR

from quickstudy.learners.closed_form.r2d2 import R2D2
from quickstudy.likelihood import Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.checked import checked
from quickstudy.recipes.recipe import Recipe, by_adam, sinusoids
from quickstudy.recipes.space import Log

__all__ = ["r2d2_sinusoid"]


@checked
def r2d2_sinusoid(
    *,
    shots: int = 10,
    penalty: Annotated[float, Log(0.01, 100.0)] = 1.0,
    batch: int = 25,
    steps: int = 20_000,
    lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-3,
) -> Recipe:
    """R2-D2 on sinusoids: an MLP 40-40 with ReLU and a linear layer of 40 features, evaluated on 100 points of the curve.

    Args:
        shots: points in the support set.
        penalty: of the ridge regression at the start; it is learned.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: of Adam, annealed to 0 by a half cosine.
    """
    return by_adam(
        R2D2(MLP(1, (40, 40), outputs=40), penalty=penalty, likelihood=Gaussian()),
        sinusoids(shots),
        lr=lr,
        steps=steps,
        batch=batch,
        schedule=CosineAnnealingLR,
        validate_every=2000,
    )
