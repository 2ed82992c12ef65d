"""A run: one recipe being meta-trained in a folder; it can be stopped at any time and resumes bit for bit.

Its folder holds:

    RUN/run.json               the call: recipe, arguments, seed, versions
    RUN/training.safetensors   everything the next step depends on
    RUN/best.safetensors       the learner of the best validation (or the last step)
    RUN/log.jsonl              a line for each step, each validation and each probe
"""

import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from quickstudy.errors import Argument, RunError
from quickstudy.execution.processes import Fabric, Processes
from quickstudy.learner import Learner
from quickstudy.metrics.temperature import Temperature
from quickstudy.monitoring.history import Log
from quickstudy.recipes.parts.flags import resolved
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.runs.call import check_arguments, check_seed, described, recorded_call
from quickstudy.runs.keeping import STOPS, Keeper, Progress, stops_wait
from quickstudy.runs.known import located, name_of, recipe_named
from quickstudy.runs.looking import Look, Validation
from quickstudy.runs.resuming import note_of, recorded, restored
from quickstudy.saving.checkpoint import altered, load, save
from quickstudy.saving.training import restore_training, training_state
from quickstudy.storage.artefact import versions
from quickstudy.storage.files import appending, locked, swept, write_whole
from quickstudy.storage.own_code import names_code
from quickstudy.tasks.usual_images import usual_images
from quickstudy.train import Record, prepare

__all__ = ["Run"]

_log = logging.getLogger(__name__)


class Run:
    """One recipe call in one folder.

    Args:
        folder: of the run.
        recipe: name of a recipe, ``file.py:function``, or a function in a file; None opens what the folder holds.
        arguments: of the recipe.
        seed: of weights, tasks and inner randomness.

    Raises:
        RunError: no run there, another run there, or no such recipe.
        UserError: code in a file that is not on the user's list, see `storage.own_code`.
    """

    def __init__(
        self,
        folder: str | Path,
        recipe: str | Callable[..., Recipe] | None = None,
        arguments: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.folder = Path(folder)
        check_seed(seed)
        asked: dict[str, Any] = {"recipe": name_of(recipe), "arguments": _recordable(arguments or {}), "seed": seed}
        if self.folder.is_file():
            raise RunError(f"{self.folder} is a file, not the folder of a run. Name the folder that holds its run.json.")
        found = recorded_call(self.folder)
        if recipe is None and found is None:
            raise RunError(f"{self.folder} holds no run. Start one: quickstudy train RECIPE --out {self.folder}")
        self._replaces = recipe is not None and found is not None and any(found[key] != asked[key] for key in asked)
        if self._replaces and (self._holds("training.safetensors") or self._holds("best.safetensors")):
            assert found is not None
            raise RunError(
                f"{self.folder} holds a run of {described(found)}, not {described(asked)}. Choose another ",
                Argument("folder"),
                ".",
            )
        found = None if self._replaces else found  # it ended before its first step was kept, for example over an argument
        self.config: dict[str, Any] = found or asked | {"versions": versions()}
        self._given = recipe if callable(recipe) else None
        self._read: Any = None
        named, given = str(self.config["recipe"]), dict(self.config["arguments"])
        check_seed(self.config["seed"])
        if not names_code(named):
            recipe_named(named, self.config["versions"] if found else None)
        if "resolved" not in self.config:
            check_arguments(named, self.function, given)
            self.config["resolved"] = resolved(self.function, given)

    @cached_property
    def function(self) -> Callable[..., Recipe]:
        """The recipe; that of a file of one's own is run here, and no earlier."""
        return self._given or recipe_named(str(self.config["recipe"]), self.config["versions"])

    def _holds(self, name: str) -> bool:
        return (self.folder / name).exists()

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
        check_arguments(self.config["recipe"], self.function, self.config["arguments"])
        values = resolved(self.function, self.config["arguments"]) | self.config["resolved"] | changes
        check_arguments(self.config["recipe"], self.function, values)
        with torch.random.fork_rng():
            torch.manual_seed(self.config["seed"])
            recipe = self.function(**values | ({} if changes or self._read is None else {"data": self._read}))
        if not isinstance(recipe, Recipe):
            raise RunError(f"{self.config['recipe']} returned {type(recipe).__name__}, no Recipe. See docs/recipes.md.")
        self._read = self._read if changes else recipe.read
        if recipe.digest and self.config.get("data", recipe.digest) != recipe.digest:
            _log.warning("%s: the data changed since this run was trained, so its tasks are other ones.", self.folder)
        recipe.learner.reads = recipe.reads if recipe.reads is not None else recipe.train.reads
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
        learner: Learner[Any] = load(path, like=self.recipe().learner) if self.own else load(path)
        return load(path, like=altered(learner, **changes)) if changes else learner

    def set_temperature(self, temperature: Temperature | None) -> None:
        """Writes a temperature into the run's learner, see `quickstudy.evaluation.temperature`; nothing else of it changes.

        A later validation that is better replaces the learner, which then has no temperature.

        Raises:
            RunError: the run has no trained learner yet, or another process is training in this folder.
        """
        with self._locked():
            learner = self.learner()
            learner.calibration = temperature
            save(learner, self.folder / "best.safetensors", recipe=self.config)

    @property
    def own(self) -> bool:
        """Whether the recipe is in a file of one's own: its networks may be of classes that no file of ours can name."""
        return names_code(self.config["recipe"])

    def train(
        self, fabric: Fabric | None = None, *, compile: bool = False, accept_changed: bool = False
    ) -> Generator[Record | Validation]:
        """Meta-trains from the state of the folder; yields a record for each step and each validation.

        Args:
            fabric: a launched Lightning Fabric, see `quickstudy.train`. The first of its processes alone reads and writes
                the folder, and validates; all yield the same.
            compile: compile the steps first, see `quickstudy.train`.
            accept_changed: go on although the data or the recipe's file changed since the run began, and record that.

        Raises:
            RunError: another process is training in this folder, one of this run's has ended, or data or recipe changed.
        """
        processes = Processes(fabric)
        first = processes.rank == 0
        with self._locked() if first else nullcontext():
            recipe = self.recipe()
            if first:
                swept(self.folder)
                self.config = recorded(self.config, recipe, accept_changed=accept_changed)
                if self._replaces:
                    (self.folder / "log.jsonl").unlink(missing_ok=True)
                write_whole(self.folder / "run.json", json.dumps(self.config | {"steps": recipe.steps}, indent=1).encode())
            step, progress = self._resume(recipe, processes)
            recipe.learner.expects = usual_images(recipe.raw or recipe.train) if first else None
            note = note_of(self.config) if first else None
            keeper = Keeper(self.folder / "training.safetensors", recipe, progress, note, step)
            with appending(self.folder / "log.jsonl") if first else nullcontext() as log, keeper:
                look = Look(self.folder, self.config, recipe, processes, keeper, log)
                if step == 0:
                    prepare(recipe.learner, recipe.train, self.config["seed"])
                if step == 0 and recipe.from_start and progress.best is None:
                    yield from look.after(0)
                elif step == 0 and first and not self.history():
                    look.probe(0)
                if progress.looked < step:  # it was stopped between a step and its validation
                    yield from look.after(step)
                given = {"seed": self.config["seed"], "fabric": fabric, "compile": compile}
                records = recipe.records(start=step, prepared=True, **given)
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


def _recordable(arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(json.dumps(located(arguments)))
    except (TypeError, ValueError) as error:
        raise RunError(f"the arguments of a run are recorded in JSON, and these cannot be: {error}.") from error
    return found
