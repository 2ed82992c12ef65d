"""Meta-SGD on sine waves, after Li, Zhou, Chen & Li, 2017: one step, with a learned size for every weight."""

from typing import Annotated

from torch.optim.lr_scheduler import CosineAnnealingLR

from quickstudy.learners.optimization.meta_sgd import MetaSGD
from quickstudy.likelihood import Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.checked import checked
from quickstudy.recipes.recipe import Recipe, by_adam, sinusoids
from quickstudy.recipes.space import Log

__all__ = ["meta_sgd_sinusoid"]


@checked
def meta_sgd_sinusoid(
    *,
    shots: int = 10,
    inner_lr: Annotated[float, Log(1e-3, 0.3)] = 0.02,
    batch: int = 25,
    steps: int = 25_000,
    lr: Annotated[float, Log(1e-4, 1e-1)] = 2e-3,
) -> Recipe:
    """Meta-SGD on sinusoids: an MLP 1-40-40-1, one inner step, evaluated on 100 points of the curve.

    Args:
        shots: points in the support set.
        inner_lr: what all step sizes of the inner loop start at.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: of Adam, annealed to 0 by a half cosine.
    """
    learner = MetaSGD(MLP(1, (40, 40), outputs=1), inner_lr=inner_lr, likelihood=Gaussian())
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
