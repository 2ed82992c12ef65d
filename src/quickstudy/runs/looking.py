"""What is done between the outer steps of a run: lines of its log, validations, probes, saves."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from quickstudy.errors import RunError
from quickstudy.execution.processes import Processes
from quickstudy.monitoring.probe import Monitor
from quickstudy.recipes.parts.recipe import VAL_SEED, Recipe
from quickstudy.reports.report import Report
from quickstudy.runs.keeping import STOPS, Keeper, stops_wait
from quickstudy.saving.checkpoint import save

__all__ = ["Look", "Validation"]

_PROBED, _AT_LEAST = 30, 8
"""Tasks of each kind in a probe: with 30 a mean accuracy has an error of 2 to 4 points, nearly the same at each probe."""


@dataclass(frozen=True)
class Validation:
    """A validation after ``step`` steps: its report, and whether it is the best so far."""

    step: int
    report: Report
    best: bool


class Look:
    """What is done between outer steps: lines of the log, validations, probes, saves.

    Args:
        folder: of the run.
        call: of the run, as it is recorded.
        recipe: that is being trained.
        processes: of the run; the first one alone looks.
        keeper: saves the state.
        log: open for more lines; None where another process writes it.
    """

    def __init__(
        self, folder: Path, call: Mapping[str, Any], recipe: Recipe, processes: Processes, keeper: Keeper, log: IO[str] | None
    ) -> None:
        self.folder, self.call, self.recipe, self.processes, self.keeper, self.log = folder, call, recipe, processes, keeper, log
        self.progress = keeper.progress
        self.monitor = _monitor(recipe) if processes.rank == 0 else None

    def after(self, step: int) -> Iterator[Validation]:
        """Validates and probes where that is due, and saves; a stop waits or, if it cannot, what was begun here is done again."""
        last = step == self.recipe.steps
        validates = last or (self.recipe.val is not None and step % self.recipe.validate_every == 0)
        probes = any(step % each == 0 for each in (self.recipe.validate_every, _between_probes(self.recipe)))
        validation = None
        if validates or probes:
            self.keeper.hold()
        if validates:
            with stops_wait(self.keeper.save, *STOPS[1:]):
                validation = self._evaluated(step)
                if validation is not None:
                    self.write({"step": step, "validation": validation.report.mean, "best": validation.best})
        if probes or self.progress.done:
            self.probe(step, done=self.progress.done)
        self.keeper.looked()
        if validates or self.progress.done or self.keeper.overdue:
            self.keeper.save()
        if validation is not None:
            yield validation

    def probe(self, step: int, **more: Any) -> None:
        """Probes adaptation on meta-training and meta-validation tasks, and records it."""
        with stops_wait(self.keeper.save, *STOPS[1:]):
            if self.monitor is not None:
                self.write(self.monitor.probe(step).to_json() | more)

    def write(self, found: Mapping[str, Any]) -> None:
        """A line of the log.

        Raises:
            RunError: for example, the disk is full.
        """
        if self.log is None:
            return
        try:
            self.log.write(json.dumps(found) + "\n")
        except OSError as error:
            why = f"{self.folder / 'log.jsonl'} cannot be written ({error.strerror}). What was saved is whole. Free some space"
            raise RunError(f"{why}, then go on with: quickstudy resume {self.folder}") from error

    def _evaluated(self, step: int) -> Validation | None:
        """A validation by the first process; all learn what came of it."""
        validation = self._validated(step) if self.processes.rank == 0 else None
        validation, now = self.processes.tell((validation, asdict(self.progress)))
        vars(self.progress).update(now)
        return validation

    def _validated(self, step: int) -> Validation | None:
        """Keeps the best learner (without validation tasks: the last) and decides whether the run is done."""
        recipe, progress, best = self.recipe, self.progress, self.folder / "best.safetensors"
        if recipe.val is None:
            save(recipe.learner, best, recipe=self.call)
            progress.done = True
            return None
        report = recipe.validated()
        better = progress.best is None or (
            report.mean > progress.best if report.higher_is_better else report.mean < progress.best
        )
        progress.waited = 0 if better else progress.waited + 1
        if better:
            progress.best = report.mean
            save(recipe.learner, best, recipe=self.call)
        progress.done = step == recipe.steps or (recipe.patience > 0 and progress.waited >= recipe.patience)
        return Validation(step, report, better)


def _monitor(recipe: Recipe) -> Monitor:
    """Probes on the first tasks of a validation, and on as many of meta-training.

    A fiftieth of the tasks that are trained on from probe to probe, of each kind, so that a probe costs some hundredths of it.
    """
    tasks = min(_PROBED, recipe.val_tasks, max(_AT_LEAST, _between_probes(recipe) * recipe.batch // 50))
    return Monitor(recipe.learner, recipe.train, recipe.val, tasks=tasks, listed=recipe.val_tasks, seed=VAL_SEED)


def _between_probes(recipe: Recipe) -> int:
    """As many outer steps as from validation to validation, but there are at least five probes in a run."""
    return max(1, min(recipe.validate_every, recipe.steps // 5))
