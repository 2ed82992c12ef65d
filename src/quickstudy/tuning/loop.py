"""The loop of a search: one trial after another, beside other processes that do the same."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from quickstudy.errors import RunError
from quickstudy.recipes.parts.space import Choice, Log, Space
from quickstudy.reports.tuned import Trial, Tuned
from quickstudy.tuning.pruning import Pruning
from quickstudy.tuning.sampler import SeededTPE
from quickstudy.tuning.study import Worker, opened, readable, retry, spent, unavailable
from quickstudy.tuning.trial import Question, Watch, check_trials, recorded

__all__ = ["Place", "importances", "search"]

_ENOUGH = 5
"""Complete trials from which on the importance of arguments is reported."""


@dataclass(frozen=True)
class Place:
    """Where a study is: the folder of this process, the URL of a data base if it is not in there, the name of the study."""

    folder: Path
    url: str | None
    name: str

    @property
    def address(self) -> str:
        """The URL of the data base."""
        return self.url or f"sqlite:///{self.folder.absolute() / 'study.db'}"


class _Surplus(Exception):
    """Another process took the last trial at the same moment."""


class _Objective:
    """A trial as Optuna calls it; remembers which one, and what went wrong inside."""

    def __init__(self, study: optuna.Study, worker: Worker, question: Question, most: int, watch: Watch) -> None:
        self.study, self.worker, self.question, self.most, self.watch = study, worker, question, most, watch
        self.number: int | None = None
        self.error: BaseException | None = None

    def __call__(self, trial: optuna.Trial) -> float:
        self.number, self.error = trial.number, None
        trial.set_user_attr("worker", self.worker.name)
        if spent(self.study, before=trial.number) >= self.most:
            raise _Surplus
        try:
            return self.question.answer(trial, self.watch)
        except BaseException as error:
            self.error = error
            raise


def search(
    question: Question,
    place: Place,
    *,
    trials: int,
    minutes: float | None,
    pruning: Pruning,
    watch: Watch,
) -> Tuned:
    """Continues the study until it has so many trials; arguments as of `tuning.tune`."""
    sample = question.built(question.first)
    if sample.val is None:
        raise RunError(f"{question.recipe.__name__} has no meta-validation tasks, so there is nothing to tune it by.")
    likelihood = sample.learner.likelihood
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    worker = Worker(place.folder)
    with _quiet():
        study = opened(
            place.folder,
            place.address,
            place.name,
            json.loads(json.dumps(question.settings)),
            higher_is_better=likelihood.higher_is_better,
            sampler=SeededTPE(question.seed, question.first),
        )
        study.pruner = pruning(sample.steps, question.every(sample.steps))
        objective = _Objective(study, worker, question, trials, watch)
        try:
            with worker.alive():
                while time.monotonic() < deadline:
                    check_trials(readable(study, place.address), question.space)
                    worker.retry_abandoned(study)
                    if spent(study) >= trials:
                        break
                    _one(objective, likelihood.higher_is_better)
            found = readable(study, place.address)
        except (SQLAlchemyError, StorageInternalError) as error:
            raise unavailable(place.address, error) from error
        known = tuple(recorded(t, likelihood.higher_is_better) for t in found if "arguments" in t.user_attrs)
        return Tuned(
            recipe=question.recipe.__name__,
            fixed=dict(question.fixed),
            space={name: space.to_json() for name, space in question.space.items()},
            seed=question.seed,
            metric=likelihood.metric,
            higher_is_better=likelihood.higher_is_better,
            val_tasks=sample.val_tasks,
            trials=known,
            importances=importances(known, question.space, by_ratio=not likelihood.higher_is_better),
        )


def _one(objective: _Objective, higher_is_better: bool) -> None:
    """One trial. Broken off, it is left for the next call; taken from us, because we were thought dead, it is forgotten."""
    study = objective.study

    def ended(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if "arguments" in trial.user_attrs:
            objective.watch(recorded(trial, higher_is_better))

    try:
        study.optimize(objective, n_trials=1, catch=(_Surplus,), callbacks=[ended])
    except BaseException as caught:
        error = caught.__context__ if isinstance(caught, AssertionError) and caught is not objective.error else caught
        if isinstance(error, ValueError) and error is not objective.error and str(error).startswith("Cannot tell"):
            return
        if objective.error is not None and objective.number is not None:
            trial = study.get_trials(deepcopy=False)[objective.number]
            if trial.state == TrialState.FAIL:
                retry(study, trial)
                objective.worker.leave()
        if error is None or error is caught:
            raise
        raise error from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna says nothing; we do."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def importances(trials: Sequence[Trial], space: Mapping[str, Space], *, by_ratio: bool) -> dict[str, float]:
    """Shares of the arguments in the variance of the scores, by functional analysis of variance.

    Arguments that are chosen by ratio count by ratio, and so do errors, of which one trial's may be a thousand times another's.

    Source: Hutter, Hoos & Leyton-Brown, 2014, An efficient approach for assessing hyperparameter importance.
    """
    done = [(trial.arguments, trial.score) for trial in trials if trial.state == "complete" and trial.score is not None]
    by_ratio = by_ratio and all(score > 0 for _, score in done)
    scores = [math.log(score) if by_ratio else score for _, score in done]
    if len(done) < _ENOUGH or max(scores) == min(scores):
        return {}
    axes = {name: _axis(each) for name, each in space.items()}
    flat = optuna.create_study()
    for (arguments, _), score in zip(done, scores, strict=True):
        params = {name: math.log(v) if isinstance(space[name], Log) else v for name, v in arguments.items()}
        flat.add_trial(optuna.create_trial(params=params, distributions=axes, value=score))
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # brings scikit-learn and pandas

    found = get_param_importances(flat, evaluator=FanovaImportanceEvaluator(seed=0))
    return {name: float(found[name]) for name in sorted(found, key=lambda name: -found[name])}


def _axis(space: Space) -> BaseDistribution:
    if isinstance(space, Choice):
        return CategoricalDistribution(space.values)
    if isinstance(space, Log):
        return FloatDistribution(math.log(space.low), math.log(space.high))
    return FloatDistribution(space.low, space.high)
