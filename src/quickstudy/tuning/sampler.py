"""Optuna's tree-structured Parzen estimator with random numbers of each trial's own; the first trial is the recipe itself.

So several processes, independent of each other's random numbers, never propose the same trial twice, and a search that
was stopped goes on with the numbers it would have drawn.

Source: Bergstra, Bardenet, Bengio & Kégl, 2011, Algorithms for hyper-parameter optimization.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from quickstudy.tasks.source import generator_of

__all__ = ["SeededTPE"]

_RANDOM_TRIALS = 6


class SeededTPE(BaseSampler):
    """Proposes by TPE, from random numbers that are a function of ``(seed, trial)`` alone.

    Args:
        seed: of the search.
        first: what trial 0 takes, as far as it lies in the space.
    """

    def __init__(self, seed: int, first: Mapping[str, Any]) -> None:
        self.seed, self.first = seed, dict(first)
        self._tpe = TPESampler(n_startup_trials=_RANDOM_TRIALS, seed=0)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Takes the random numbers of this trial."""
        drawn = generator_of(self.seed, trial.number).initial_seed() % 2**32
        self._tpe = TPESampler(n_startup_trials=_RANDOM_TRIALS, seed=drawn)
        self._tpe.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The arguments that are proposed together; none in trial 0."""
        return {} if trial.number == 0 else self._tpe.infer_relative_search_space(study, trial)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Values for the arguments that are proposed together."""
        return self._tpe.sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        """A value for one argument; in trial 0 the recipe's own."""
        if trial.number == 0 and param_name in self.first:
            return self.first[param_name]
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Lets TPE note what it must."""
        self._tpe.after_trial(study, trial, state, values)
