"""A run: one recipe being meta-trained in a folder; it can be stopped at any time and resumes bit for bit.

Its folder holds:

    RUN/run.json               the call: recipe, arguments, seed, versions
    RUN/training.safetensors   everything the next step depends on
    RUN/best.safetensors       the learner of the best validation (or the last step)
    RUN/log.jsonl              a line for each step, each validation and each probe
"""

import inspect
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import torch

from quickstudy import recipes
from quickstudy.errors import Argument, RunError, nearest
from quickstudy.execution.processes import Fabric, Processes
from quickstudy.learner import Learner
from quickstudy.monitoring.history import Log
from quickstudy.monitoring.probe import Monitor
from quickstudy.recipes.recipe import VAL_SEED, Recipe
from quickstudy.reports.report import Report
from quickstudy.runs.call import check_arguments, check_seed, described, recorded_call
from quickstudy.runs.keeping import STOPS, Keeper, Progress, stops_wait
from quickstudy.runs.resuming import note_of, restored
from quickstudy.saving.checkpoint import altered, load, save
from quickstudy.saving.training import restore_training, training_state
from quickstudy.storage.artefact import versions
from quickstudy.storage.files import appending, locked, swept, write_whole
from quickstudy.tasks.usual_images import usual_images
from quickstudy.train import Record

__all__ = ["Run", "Validation", "recipe_functions"]

_PROBED, _AT_LEAST = 30, 8
"""Tasks of each kind in a probe: with 30 a mean accuracy has an error of 2 to 4 points, nearly the same at each probe."""


@dataclass(frozen=True)
class Validation:
    """A validation after ``step`` steps: its report, and whether it is the best so far."""

    step: int
    report: Report
    best: bool


def recipe_functions() -> dict[str, Callable[..., Recipe]]:
    """The recipes by name, as ``quickstudy list`` shows them."""
    return {name: fn for name in recipes.__all__ if inspect.isfunction(fn := getattr(recipes, name))}


class Run:
    """One recipe call in one folder.

    Args:
        folder: of the run.
        recipe: name of a recipe; None opens what the folder holds.
        arguments: of the recipe.
        seed: of weights, tasks and inner randomness.

    Raises:
        RunError: no run there, another run there, or no such recipe.
    """

    def __init__(
        self, folder: str | Path, recipe: str | None = None, arguments: Mapping[str, Any] | None = None, seed: int = 0
    ) -> None:
        self.folder = Path(folder)
        check_seed(seed)
        try:
            given = json.loads(json.dumps(dict(arguments or {})))
        except (TypeError, ValueError) as error:
            raise RunError(f"the arguments of a run are recorded in JSON, and these cannot be: {error}.") from error
        asked = {"recipe": recipe, "arguments": given, "seed": seed}
        if self.folder.is_file():
            raise RunError(f"{self.folder} is a file, not the folder of a run. Name the folder that holds its run.json.")
        found = recorded_call(self.folder)
        if recipe is None and found is None:
            raise RunError(f"{self.folder} holds no run. Start one: quickstudy train RECIPE --out {self.folder}")
        if recipe is not None and found is not None and any(found[key] != asked[key] for key in asked):
            raise RunError(
                f"{self.folder} holds a run of {described(found)}, not {described(asked)}. Choose another ",
                Argument("folder"),
                ".",
            )
        self.config: dict[str, Any] = found or asked | {"versions": versions()}
        named, known = str(self.config["recipe"]), recipe_functions()
        if named not in known:
            raise RunError(f"there is no recipe {named!r}.{nearest(named, known)} There are: {', '.join(sorted(known))}.")
        check_seed(self.config["seed"])

    @property
    def call(self) -> str:
        """The run's call, in words."""
        return described(self.config)

    def recipe(self, **changes: Any) -> Recipe:
        """Builds the recipe; its random weights depend on the run's seed alone.

        Args:
            changes: other arguments than the run's, for example for tasks of another length.

        Raises:
            RunError: the recipe has no such argument.
        """
        call = recipe_functions()[self.config["recipe"]]
        check_arguments(self.config["recipe"], call, self.config["arguments"] | changes)
        with torch.random.fork_rng():
            torch.manual_seed(self.config["seed"])
            recipe = call(**(self.config["arguments"] | changes))
        recipe.learner.reads = recipe.reads
        return recipe

    def learner(self, **changes: Any) -> Learner[Any]:
        """The trained learner: of the best validation, or of the last step where there was none.

        Args:
            changes: other arguments for its constructor, for example ``test_steps=10``; the weights stay.

        Raises:
            RunError: the run has not got that far.
        """
        if not (path := self.folder / "best.safetensors").exists():
            raise RunError(f"{self.folder} has no trained learner yet. Train it on: quickstudy resume {self.folder}")
        learner: Learner[Any] = load(path)
        return load(path, like=altered(learner, **changes)) if changes else learner

    def train(self, fabric: Fabric | None = None, *, compile: bool = False) -> Generator[Record | Validation]:
        """Meta-trains from the state of the folder; yields a record for each step and each validation.

        Args:
            fabric: a launched Lightning Fabric, see `quickstudy.train`. The first of its processes alone reads and writes
                the folder, and validates; all yield the same.
            compile: compile the steps first, see `quickstudy.train`.

        Raises:
            RunError: another process is training in this folder, or one of this run's has ended.
        """
        processes = Processes(fabric)
        first = processes.rank == 0
        with self._locked() if first else nullcontext():
            recipe = self.recipe()
            if first:
                swept(self.folder)
                write_whole(self.folder / "run.json", json.dumps(self.config | {"steps": recipe.steps}, indent=1).encode())
            step, progress = self._resume(recipe, processes)
            recipe.learner.expects = usual_images(recipe.train) if first else None
            note = note_of(self.config) if first else None
            keeper = Keeper(self.folder / "training.safetensors", recipe, progress, note, step)
            with appending(self.folder / "log.jsonl") if first else nullcontext() as log, keeper:
                look = _Look(self, recipe, processes, keeper, log)
                if step == 0 and first and not self.history():
                    look.probe(0)
                if progress.looked < step:  # it was stopped between a step and its validation
                    yield from look.after(step)
                records = recipe.records(start=step, seed=self.config["seed"], fabric=fabric, compile=compile)
                while not progress.done:
                    with stops_wait(keeper.save, *STOPS), keeper.stepping() as reached:
                        record = next(records, None)
                        if record is None:
                            break
                        look.write(asdict(record))
                        reached(record.step)
                    yield record
                    yield from look.after(record.step)

    def _resume(self, recipe: Recipe, processes: Processes) -> tuple[int, Progress]:
        """Restores the last saved state, which the first process reads and sends to the others."""
        step, progress = restored(self.folder, recipe, self.config) if processes.rank == 0 else (0, Progress())
        parts = (recipe.learner, recipe.optimizer, recipe.schedule, recipe.train)
        step, note, state = processes.tell((step, asdict(progress), training_state(*parts)))
        if processes.rank:
            restore_training(state, *parts)
        return step, Progress(**note)

    def history(self) -> list[dict[str, Any]]:
        """The log: a dictionary for each step, validation and probe; a last line that was cut off is left out.

        `quickstudy.monitoring` makes tables and curves of it.
        """
        return Log(self.folder / "log.jsonl").read()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = f"{self.folder} cannot be written to ({error.strerror}). Choose another "
            raise RunError(why, Argument("folder"), ".") from error
        with locked(self.folder / ".lock", wait=False) as mine:
            if not mine:
                why = f"another process is training in {self.folder}. Wait for it, or choose another "
                raise RunError(why, Argument("folder"), ".")
            yield


class _Look:
    """What is done between outer steps: lines of the log, validations, probes, saves.

    Args:
        run: whose.
        recipe: that is being trained.
        processes: of the run; the first one alone looks.
        keeper: saves the state.
        log: open for more lines; None where another process writes it.
    """

    def __init__(self, run: Run, recipe: Recipe, processes: Processes, keeper: Keeper, log: IO[str] | None) -> None:
        self.run, self.recipe, self.processes, self.keeper, self.log = run, recipe, processes, keeper, log
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
            why = (
                f"{self.run.folder / 'log.jsonl'} cannot be written ({error.strerror}). What was saved is whole. Free some space"
            )
            raise RunError(f"{why}, then go on with: quickstudy resume {self.run.folder}") from error

    def _evaluated(self, step: int) -> Validation | None:
        """A validation by the first process; all learn what came of it."""
        validation = self._validated(step) if self.processes.rank == 0 else None
        validation, now = self.processes.tell((validation, asdict(self.progress)))
        vars(self.progress).update(now)
        return validation

    def _validated(self, step: int) -> Validation | None:
        """Keeps the best learner (without validation tasks: the last) and decides whether the run is done."""
        recipe, progress, best = self.recipe, self.progress, self.run.folder / "best.safetensors"
        if recipe.val is None:
            save(recipe.learner, best, recipe=self.run.config)
            progress.done = True
            return None
        report = recipe.validated()
        better = progress.best is None or (
            report.mean > progress.best if report.higher_is_better else report.mean < progress.best
        )
        progress.waited = 0 if better else progress.waited + 1
        if better:
            progress.best = report.mean
            save(recipe.learner, best, recipe=self.run.config)
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
