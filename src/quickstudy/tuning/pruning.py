"""When a trial is stopped early: functions from a trial's steps, and the steps between validations, to a pruner."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

__all__ = ["Pruning", "by_hyperband", "by_median", "never"]

Pruning = Callable[[int, int], "BasePruner"]
"""From the steps of a trial and the steps between its validations, a pruner of Optuna's."""


def by_median(steps: int, every: int) -> "BasePruner":
    """Stops a trial whose best validation so far is worse than the median of the others at that step.

    The first four trials are never stopped, nor is any in its first third: a step size that rises and falls tells little there.

    Source: Golovin, Solnik, Moitra, Kochanski, Karro & Sculley, 2017, Google Vizier: a service for black-box optimization.
    """
    from optuna.pruners import MedianPruner

    del every
    return MedianPruner(n_startup_trials=4, n_warmup_steps=steps // 3)


def by_hyperband(steps: int, every: int) -> "BasePruner":
    """Successive halving, in brackets that begin at different steps.

    Source: Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar, 2018, Hyperband: a novel bandit-based approach to hyperparameter
    optimization.
    """
    from optuna.pruners import HyperbandPruner

    return HyperbandPruner(min_resource=every, max_resource=steps, reduction_factor=3)


def never(steps: int, every: int) -> "BasePruner":
    """Completes every trial."""
    from optuna.pruners import NopPruner

    del steps, every
    return NopPruner()
