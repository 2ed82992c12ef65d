"""One trial: a meta-training with proposed arguments, whose meta-validations go to the pruner."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from optuna import TrialPruned
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from quickstudy.errors import Argument, LearnerError, RunError, UserError
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.space import Choice, Log, Space
from quickstudy.reports.tuned import Trial as Record

__all__ = ["Question", "Watch", "check_trials", "recorded"]

Watch = Callable[[Record], None]
"""Receives the present state of a trial."""

_STATES: dict[TrialState, Literal["complete", "pruned", "running", "lost"]] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
    TrialState.FAIL: "lost",
}


@dataclass(frozen=True)
class Question:
    """What all trials have in common.

    Args:
        recipe: to be tuned.
        fixed: arguments that are not tuned.
        space: of those that are.
        seed: of weights and tasks, the same in all trials.
        validations: in a trial that comes to its end.
        first: arguments of the first trial, the recipe's own where they lie in the space.
    """

    recipe: Callable[..., Recipe]
    fixed: Mapping[str, Any]
    space: Mapping[str, Space]
    seed: int
    validations: int
    first: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What sets this study apart from others, in JSON."""
        space = {name: str(each) for name, each in self.space.items()}
        shared = {"seed": self.seed, "validations": self.validations}
        return {"recipe": self.recipe.__name__, "fixed": dict(self.fixed), "space": space, **shared}

    def built(self, arguments: Mapping[str, Any]) -> Recipe:
        """The recipe with these arguments, its weights as a run of this seed has them."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return self.recipe(**self.fixed, **arguments)

    def every(self, steps: int) -> int:
        """Steps between validations."""
        return max(1, -(-steps // self.validations))

    def answer(self, trial: Trial, watch: Watch) -> float:
        """The best validation of one meta-training.

        Args:
            trial: to take values from, and to report to.
            watch: receives the trial at its start and after each validation.

        Raises:
            TrialPruned: others did better, or the meta-training could not go on.
        """
        asked = trial.study.get_trials(deepcopy=False)[trial.number].system_attrs.get("fixed_params") or {}
        outside = [name for name, value in asked.items() if name not in self.space or value not in self.space[name]]
        if outside:  # another program has put them into the queue
            trial.set_user_attr("arguments", {})
            trial.set_user_attr("failed", f"it was queued with values outside of the space: {', '.join(outside)}")
            raise TrialPruned
        arguments = {name: _proposed(trial, name, space) for name, space in self.space.items()}
        trial.set_user_attr("arguments", arguments)
        began, found = time.monotonic(), list[tuple[int, float, float, float]]()
        watch(Record(trial.number, arguments, "running"))
        try:
            for higher_is_better in self._validated(trial, self.built(arguments), found):
                score = _best(found, higher_is_better)
                watch(Record(trial.number, arguments, "running", tuple(found), score, time.monotonic() - began))
        except UserError as error:
            trial.set_user_attr("failed", str(error))
            raise TrialPruned(str(error)) from error
        return float(score)

    def _validated(self, trial: Trial, recipe: Recipe, found: list[tuple[int, float, float, float]]) -> Iterator[bool]:
        """Trains; yields after each validation, which it adds to ``found``, whether higher is better."""
        every = self.every(recipe.steps)
        for record in recipe.records(seed=self.seed):
            if record.step % every and record.step != recipe.steps:
                continue
            report = recipe.validated()
            if not math.isfinite(report.mean):
                raise LearnerError(f"step {record.step}: the {report.metric} of the validation is {report.mean}.")
            found.append((record.step, report.mean, *report.interval))
            trial.report(report.mean, record.step)
            trial.set_user_attr("validations", found)
            yield report.higher_is_better
            if record.step < recipe.steps and trial.should_prune():
                trial.set_user_attr("pruned", f"others did better than {report.mean:.4g} after {record.step} steps")
                raise TrialPruned


def recorded(trial: FrozenTrial, higher_is_better: bool) -> Record:
    """The record of a study's trial.

    Raises:
        RunError: it holds what quickstudy does not write.
    """
    kept = trial.user_attrs
    arguments, validations = kept.get("arguments", {}), kept.get("validations", [])
    note = kept.get("failed", kept.get("pruned", ""))
    if not isinstance(arguments, dict) or not all(isinstance(v, bool | int | float | str) for v in arguments.values()):
        raise _foreign(trial, "its arguments")
    if not isinstance(validations, list) or not all(_is_validation(each) for each in validations):
        raise _foreign(trial, "its validations")
    if not isinstance(note, str):
        raise _foreign(trial, "its note")
    found = [(int(step), float(mean), float(low), float(high)) for step, mean, low, high in validations]
    seconds = trial.duration.total_seconds() if trial.duration is not None else 0.0
    state = "failed" if "failed" in kept else _STATES.get(trial.state, "lost")
    if state == "complete" and not found:
        raise _foreign(trial, "no validations, though it is complete")
    return Record(trial.number, arguments, state, tuple(found), _best(found, higher_is_better), seconds, note)


def check_trials(trials: Sequence[FrozenTrial], space: Mapping[str, Space]) -> None:
    """Whether all trials of a study are of this space, as the sampler takes for granted.

    Raises:
        RunError: one is not.
    """
    known = {name: _distribution(each) for name, each in space.items()}
    for trial in trials:
        other = [name for name, each in trial.distributions.items() if known.get(name) != each]
        if other:
            raise _foreign(trial, f"values of {', '.join(other)} from another space")


def _foreign(trial: FrozenTrial, what: str) -> RunError:
    why = f"trial {trial.number} of the study was not written by quickstudy: it holds {what}. Give another "
    return RunError(why, Argument("name"), ", or another ", Argument("folder"), ".")


def _is_validation(found: Any) -> bool:
    return (
        isinstance(found, list | tuple)
        and len(found) == 4
        and type(found[0]) is int
        and all(type(each) in (int, float) for each in found[1:])
        and math.isfinite(found[1])
    )


def _distribution(space: Space) -> BaseDistribution:
    """What Optuna notes of a space when `_proposed` takes a value from it."""
    if isinstance(space, Choice):
        return CategoricalDistribution(space.values)
    if isinstance(space.low, int):
        return IntDistribution(space.low, int(space.high), log=isinstance(space, Log))
    return FloatDistribution(space.low, space.high, log=isinstance(space, Log))


def _best(found: Sequence[tuple[int, float, float, float]], higher_is_better: bool) -> Any:
    """The best mean; None before the first."""
    means = [mean for _, mean, _, _ in found]
    return (max if higher_is_better else min)(means, default=None)


def _proposed(trial: Trial, name: str, space: Space) -> Any:
    """A value, of four digits at most, so that a person can type it again."""
    if isinstance(space, Choice):
        return trial.suggest_categorical(name, space.values)
    if isinstance(space.low, int):
        return trial.suggest_int(name, space.low, int(space.high), log=isinstance(space, Log))
    found = trial.suggest_float(name, space.low, space.high, log=isinstance(space, Log))
    return min(max(float(f"{found:.4g}"), space.low), space.high)
