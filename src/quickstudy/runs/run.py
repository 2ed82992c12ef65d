"""A run: one recipe being meta-trained in a folder, killed at any moment and resumed bit for bit.

Its folder holds:

    RUN/run.json               the call: recipe, arguments, seed, versions
    RUN/training.safetensors   everything the next step depends on
    RUN/best.safetensors       the learner of the best validation (or the last step)
    RUN/log.jsonl              a line for each step, each validation and each look at adaptation on both levels
"""

import inspect
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from quickstudy import recipes
from quickstudy.errors import Argument, RunError, nearest
from quickstudy.execution.processes import Fabric, Processes
from quickstudy.learner import Learner
from quickstudy.monitoring.history import Log
from quickstudy.monitoring.probe import Monitor
from quickstudy.recipes.recipe import VAL_SEED, Recipe
from quickstudy.reports.report import Report
from quickstudy.saving.checkpoint import altered, load, save
from quickstudy.saving.training import load_training, restore_training, save_training, training_state
from quickstudy.storage.artefact import versions
from quickstudy.storage.files import write_whole
from quickstudy.train import Record

__all__ = ["Run", "Validation", "recipe_functions"]

_SAVE_SECONDS = 30.0
_PROBED, _AT_LEAST = 30, 8
"""Tasks of each level in a probe: 30 leave an error of 2 to 4 points in a mean accuracy, nearly the same at each probe."""


@dataclass(frozen=True)
class Validation:
    """A validation after ``step`` steps: its report, and whether it is the best so far."""

    step: int
    report: Report
    best: bool


@dataclass
class _Progress:
    """What of a run's history the rest of it depends on."""

    best: float | None = None
    waited: int = 0
    done: bool = False


def recipe_functions() -> dict[str, Callable[..., Recipe]]:
    """The recipes by name, as ``quickstudy list`` shows them."""
    found = {name: getattr(recipes, name) for name in recipes.__all__}
    return {name: fn for name, fn in found.items() if inspect.isfunction(fn)}


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
        asked = {"recipe": recipe, "arguments": json.loads(json.dumps(dict(arguments or {}))), "seed": seed}
        if self.folder.is_file():
            raise RunError(f"{self.folder} is a file, not the folder of a run. Name the folder that holds its run.json.")
        found = self._read()
        if recipe is None and found is None:
            raise RunError(f"{self.folder} holds no run. Start one: quickstudy train RECIPE --out {self.folder}")
        if recipe is not None and found is not None and any(found[key] != asked[key] for key in asked):
            raise RunError(
                f"{self.folder} holds a run of {_call(found)}, which is not {_call(asked)}. Choose another ",
                Argument("folder"),
                ".",
            )
        self.config: dict[str, Any] = found or asked | {"versions": versions()}
        named, known = str(self.config["recipe"]), recipe_functions()
        if named not in known:
            raise RunError(f"there is no recipe {named!r}.{nearest(named, known)} There are: {', '.join(sorted(known))}.")

    def _read(self) -> dict[str, Any] | None:
        path = self.folder / "run.json"
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text())
            return {key: found[key] for key in ("recipe", "arguments", "seed", "versions")}
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path} is damaged ({error}). Start a new run in another folder.") from error

    @property
    def call(self) -> str:
        """The run's call, in words."""
        return _call(self.config)

    def recipe(self, **changes: Any) -> Recipe:
        """Builds the recipe; its random weights depend on the run's seed alone.

        Args:
            changes: other arguments than the run's, for tasks of another length say.

        Raises:
            RunError: the recipe has no such argument.
        """
        call = recipe_functions()[self.config["recipe"]]
        unknown = sorted(set(changes) - set(inspect.signature(call).parameters))
        if unknown:
            raise RunError(
                f"the recipe {self.config['recipe']} has no argument {', '.join(unknown)}. "
                f"It has: {', '.join(inspect.signature(call).parameters)}."
            )
        with torch.random.fork_rng():
            torch.manual_seed(self.config["seed"])
            recipe = call(**(self.config["arguments"] | changes))
        recipe.learner.reads = recipe.reads
        return recipe

    def learner(self, **changes: Any) -> Learner[Any]:
        """The trained learner: of the best validation, or of the last step where there was none.

        Args:
            changes: other arguments for its constructor, ``test_steps=10`` say; the weights stay.

        Raises:
            RunError: the run has not got that far.
        """
        path = self.folder / "best.safetensors"
        if not path.exists():
            raise RunError(f"{self.folder} has no trained learner yet. Train it on: quickstudy resume {self.folder}")
        learner: Learner[Any] = load(path)
        return load(path, like=altered(learner, **changes)) if changes else learner

    def train(self, fabric: Fabric | None = None, *, compile: bool = False) -> Generator[Record | Validation]:
        """Meta-trains from where the folder stands, one record a step and one a validation.

        Args:
            fabric: a launched Lightning Fabric, see `quickstudy.train`. The first of its processes alone reads and writes
                the folder, and validates; all yield the same.
            compile: compile the steps first, see `quickstudy.train`.

        Raises:
            RunError: another process is training in this folder, or one of this run's has ended.
        """
        processes = Processes(fabric)
        with self._locked() if processes.rank == 0 else nullcontext():
            recipe = self.recipe()
            if processes.rank == 0:
                write_whole(self.folder / "run.json", json.dumps(self.config | {"steps": recipe.steps}, indent=1).encode())
            step, progress = self._resume(recipe, processes)
            saved = time.monotonic()
            with (self.folder / "log.jsonl" if processes.rank == 0 else Path(os.devnull)).open("a", buffering=1) as log:
                monitor = _monitor(recipe) if processes.rank == 0 else None
                if monitor is not None and step == 0 and not self.history():
                    log.write(json.dumps(monitor.probe(0).to_json()) + "\n")
                how: dict[str, Any] = {"seed": self.config["seed"], "fabric": fabric, "compile": compile}
                for record in recipe.records(start=step, **how) if not progress.done else ():
                    log.write(json.dumps(asdict(record)) + "\n")
                    yield record
                    validation = self._evaluate(recipe, record.step, progress, processes)
                    if validation is not None:
                        found = {"step": record.step, "validation": validation.report.mean, "best": validation.best}
                        log.write(json.dumps(found) + "\n")
                        yield validation
                    if monitor is not None and (progress.done or _probe_is_due(recipe, record.step)):
                        log.write(json.dumps(monitor.probe(record.step).to_json() | {"done": progress.done}) + "\n")
                    if validation is not None or progress.done or time.monotonic() - saved > _SAVE_SECONDS:
                        log.flush()
                        if processes.rank == 0:
                            self._save(recipe, record.step, progress)
                        saved = time.monotonic()
                    if progress.done:
                        break

    def _evaluate(self, recipe: Recipe, step: int, progress: _Progress, processes: Processes) -> Validation | None:
        """A validation where one is due, by the first process; all learn what came of it."""
        last = step == recipe.steps
        if not last and (recipe.val is None or step % recipe.validate_every):
            return None
        validation = self._validate(recipe, step, progress) if processes.rank == 0 else None
        validation, now = processes.tell((validation, asdict(progress)))
        vars(progress).update(now)
        return validation

    def _validate(self, recipe: Recipe, step: int, progress: _Progress) -> Validation | None:
        """Keeps the best learner (without validation tasks: the last) and decides whether the run is done."""
        last = step == recipe.steps
        if recipe.val is None:
            save(recipe.learner, self.folder / "best.safetensors", recipe=self.config)
            progress.done = True
            return None
        report = recipe.validated()
        sign = 1 if report.higher_is_better else -1
        better = progress.best is None or sign * report.mean > sign * progress.best
        progress.waited = 0 if better else progress.waited + 1
        if better:
            progress.best = report.mean
            save(recipe.learner, self.folder / "best.safetensors", recipe=self.config)
        progress.done = last or (recipe.patience > 0 and progress.waited >= recipe.patience)
        return Validation(step, report, better)

    def _save(self, recipe: Recipe, step: int, progress: _Progress) -> None:
        path = self.folder / "training.safetensors"
        save_training(path, step, recipe.learner, recipe.optimizer, recipe.schedule, asdict(progress), recipe.train)

    def _resume(self, recipe: Recipe, processes: Processes) -> tuple[int, _Progress]:
        """Restores the last saved state, which the first process reads and tells the others."""
        step, progress = self._restore(recipe) if processes.rank == 0 else (0, _Progress())
        parts = (recipe.learner, recipe.optimizer, recipe.schedule, recipe.train)
        step, note, state = processes.tell((step, asdict(progress), training_state(*parts)))
        if processes.rank:
            restore_training(state, *parts)
        return step, _Progress(**note)

    def _restore(self, recipe: Recipe) -> tuple[int, _Progress]:
        """Reads the last saved state; the log is cut back to it."""
        path, log = self.folder / "training.safetensors", self.folder / "log.jsonl"
        step, progress = 0, _Progress()
        if path.exists():
            step, note = load_training(path, recipe.learner, recipe.optimizer, recipe.schedule, recipe.train)
            progress = _Progress(**note)
        kept = [line for line in self.history() if line["step"] <= step]
        write_whole(log, "".join(json.dumps(line) + "\n" for line in kept).encode())
        return step, progress

    def history(self) -> list[dict[str, Any]]:
        """The log: a dictionary for each step, validation and probe; a last line that was cut off is left out.

        `quickstudy.monitoring` makes tables and curves of it.
        """
        return Log(self.folder / "log.jsonl").read()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise RunError(
                f"{self.folder} cannot be written to ({error.strerror}). Choose another ", Argument("folder"), "."
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(
                    f"another process is training in {self.folder}. Wait for it, or choose another ", Argument("folder"), "."
                ) from error
            yield


def _monitor(recipe: Recipe) -> Monitor:
    """Looks at the first of the tasks that a validation has, and at as many of meta-training.

    A fiftieth of the tasks that are trained on from probe to probe, of each level, so that looking costs some hundredths of it.
    """
    tasks = min(_PROBED, recipe.val_tasks, max(_AT_LEAST, _between_probes(recipe) * recipe.batch // 50))
    return Monitor(recipe.learner, recipe.train, recipe.val, tasks=tasks, listed=recipe.val_tasks, seed=VAL_SEED)


def _between_probes(recipe: Recipe) -> int:
    """As many outer steps as from validation to validation, but there are at least five probes in a run."""
    return max(1, min(recipe.validate_every, recipe.steps // 5))


def _probe_is_due(recipe: Recipe, step: int) -> bool:
    return step % recipe.validate_every == 0 or step % _between_probes(recipe) == 0


def _call(config: Mapping[str, Any]) -> str:
    arguments = ", ".join(f"{name}={value}" for name, value in config["arguments"].items())
    return f"{config['recipe']}({arguments}) with seed {config['seed']}"
