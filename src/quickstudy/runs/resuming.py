"""What a resumed run reads from its folder: the last saved state, checked, and the log, cut back to it."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quickstudy.errors import Argument, ArtefactError, RunError
from quickstudy.monitoring.history import Log
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.runs.call import described
from quickstudy.runs.keeping import Progress
from quickstudy.saving.checkpoint import save
from quickstudy.saving.training import load_training
from quickstudy.storage.artefact import versions
from quickstudy.storage.files import write_whole
from quickstudy.storage.own_code import code_file, hash_of_code, names_code

__all__ = ["note_of", "recorded", "restored"]

_log = logging.getLogger(__name__)


def note_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """The note saved with a training state, so that it is not confused with that of another run."""
    return {"call": {key: call[key] for key in ("recipe", "arguments", "seed")}, "versions": versions()}


def recorded(call: Mapping[str, Any], recipe: Recipe, *, accept_changed: bool) -> dict[str, Any]:
    """What ``run.json`` is to say: the call, with what "auto" became, and the hashes of the data and of a recipe's own file.

    Args:
        call: of the run, as it was recorded, or is about to be.
        recipe: freshly built.
        accept_changed: record other hashes than the recorded ones instead of refusing them.

    Raises:
        RunError: data or recipe file are other ones than those that the run began with.
    """
    now = {"data": recipe.digest} if recipe.digest else {}
    if names_code(call["recipe"]):
        now["code"] = hash_of_code(code_file(call["recipe"]))
    changed = [key for key in now if key in call and call[key] != now[key]]
    words = {"data": f"the data {call['resolved'].get('data', '')}", "code": f"the recipe's file {code_file(call['recipe'])}"}
    if changed and not accept_changed:
        what = " and ".join(words[key] for key in changed)
        raise RunError(f"{what} changed since this run began. Train a new one, or go on with ", Argument("accept_changed"), ".")
    became = {name: value for name, value in recipe.became.items() if name in call["resolved"]}
    found = dict(call) | now | {"resolved": call["resolved"] | became}
    return found | ({"changed": [*call.get("changed", []), *changed]} if changed else {})


def restored(folder: Path, recipe: Recipe, call: Mapping[str, Any]) -> tuple[int, Progress]:
    """Reads the last saved state into the recipe's parts; outer steps done, and how far the run has come.

    Args:
        folder: of the run.
        recipe: freshly built.
        call: of the run, as `recorded_call` gives it.

    Raises:
        RunError: the state is damaged or another run's, or the best learner is missing.
    """
    path = folder / "training.safetensors"
    step, progress = 0, Progress()
    if path.exists() or path.is_symlink():
        try:
            step, note = load_training(path, recipe.learner, recipe.optimizer, recipe.schedule, recipe.train)
            theirs, made = dict(note["call"]), dict(note["versions"])
            progress = Progress.of(note["progress"])
        except (ArtefactError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise RunError(f"this run cannot be resumed: {error} To train it anew from the start, remove {path}.") from error
        mine = note_of(call)
        if theirs != mine["call"]:
            raise RunError(f"{path} was saved by another run than {described(call)}. To train that anew, remove {path}.")
        others = [f"{name} {made.get(name)}" for name, now in mine["versions"].items() if made.get(name) != now]
        if others:
            _log.warning("%s was saved with %s: the run resumes, but perhaps not bit for bit.", path, " and ".join(others))
        _check_best(folder, recipe, progress, call)
    _cut(Log(folder / "log.jsonl"), step, progress)
    return step, progress


def _check_best(folder: Path, recipe: Recipe, progress: Progress, call: Mapping[str, Any]) -> None:
    best = folder / "best.safetensors"
    if best.exists() or (progress.best is None and not progress.done):
        return
    if recipe.val is None:  # then it is the last state
        save(recipe.learner, best, recipe=call)
        return
    raise RunError(
        f"{best}, the learner of the best validation so far ({progress.best}), is missing, and the last state cannot replace "
        f"it. Put it back, or remove {folder / 'training.safetensors'} to train anew."
    )


def _cut(log: Log, step: int, progress: Progress) -> None:
    """Keeps the lines up to the saved state, damaged ones between them too; what came later will be written again."""
    lines = log.read()
    kept = [line for line in lines if line["step"] <= (step if "loss" in line else progress.looked)]
    write_whole(log.path, log.content(kept))
    missing = step - len({line["step"] for line in kept if "loss" in line})
    if log.damaged or missing:
        _log.warning(
            "%s: damaged lines: %d; steps without a line: %d of %d. What is whole is kept, and the training itself is whole.",
            log.path,
            len(log.damaged),
            missing,
            step,
        )
