"""Learners, adapted predictors and training states, to disk and back."""

import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quickstudy import functional, learners, likelihood, nn
from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner, Predictor
from quickstudy.storage.artefact import Artefact, read, unpack, write
from quickstudy.storage.blueprint import Recorded, blueprint, build
from quickstudy.tasks.source import TaskSource

__all__ = ["altered", "load", "load_training", "restore_training", "save", "save_training", "training_state"]


def save(thing: Learner[Any] | Predictor, path: str | Path, *, recipe: Mapping[str, Any] | None = None) -> None:
    """Writes a learner or an adapted predictor to one file (safetensors with JSON inside), whole or not at all.

    Args:
        thing: a learner, or a predictor with its state, class names and preprocessing.
        path: of the file.
        recipe: the call that made the learner, kept as a note.

    Raises:
        ArtefactError: the file cannot be written; an old one survives.

    >>> import tempfile, torch
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.nn.mlp import MLP
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(ProtoNet(MLP(4, (8,))), f"{folder}/learner.safetensors")
    ...     type(load(f"{folder}/learner.safetensors")).__name__
    'ProtoNet'
    """
    learner = thing.learner if isinstance(thing, Predictor) else thing
    reads = thing.reads
    description: dict[str, Any] = {
        "learner": blueprint(learner),
        "recipe": dict(recipe or {}),
        "reads": asdict(reads) if reads is not None else None,
    }
    tree: dict[str, Any] = {"weights": dict(learner.state_dict())}
    if isinstance(thing, Predictor):
        tree["state"] = thing.state
        description["classes"] = list(thing.classes) if thing.classes is not None else None
    write(path, "predictor" if isinstance(thing, Predictor) else "learner", description, tree)


def load(path: str | Path, like: Learner[Any] | None = None) -> Any:
    """Reads what `save` wrote: a learner or a predictor, in eval mode.

    Args:
        path: of the file.
        like: a learner built from your own code, to be filled; needed when the file was made from a network of your own.

    Raises:
        ArtefactError: the file is missing, damaged, foreign or newer, or does not fit ``like``.
    """
    found = read(path, ("learner", "predictor"))
    learner = _fill(like if like is not None else _rebuild(found, path), found, path)
    reads = found.description["reads"]
    if reads is not None:
        call: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in reads.items()}
        learner.reads = Images(**call)
    if found.kind == "learner":
        return learner
    state = unpack(found.skeleton, found.tensors, _records(learner))["state"]
    classes = found.description["classes"]
    return Predictor(learner, state, tuple(classes) if classes is not None else None, learner.reads)


def _rebuild(found: Artefact, path: str | Path) -> Learner[Any]:
    learner = build(found.description["learner"], _known())
    if not isinstance(learner, Learner):
        raise ArtefactError(f"{path} describes no learner.")
    return learner


def _fill(learner: Learner[Any], found: Artefact, path: str | Path) -> Learner[Any]:
    weights = unpack(found.skeleton, found.tensors, _records(learner))["weights"]
    try:
        learner.load_state_dict(weights)
    except RuntimeError as error:
        raise ArtefactError(f"the weights in {path} do not fit this {type(learner).__name__}: {error}") from error
    return learner.eval()


def _known() -> dict[str, Any]:
    """What a blueprint may build: our own learners, networks, likelihoods, rules and functions, by name."""
    modules: tuple[ModuleType, ...] = (learners, nn, likelihood, functional)
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def _records(learner: Learner[Any]) -> Any:
    """Record classes a state may use: those in the files of the learner's class, of its bases and of its recorded parts."""
    scope: dict[str, Any] = {}
    for part in reversed(list(learner.modules())):
        for base in reversed(type(part).__mro__):
            scope |= vars(sys.modules[base.__module__]) if issubclass(base, Recorded) and base is not Recorded else {}

    def find(name: str) -> type | None:
        found = scope.get(name)
        is_record = isinstance(found, type) and (hasattr(found, "_fields") or is_dataclass(found))
        return found if is_record else None

    return find


def altered(learner: Learner[Any], **changes: Any) -> Learner[Any]:
    """A learner of the same class and call but for ``changes`` of its constructor's arguments; its weights are fresh.

    Raises:
        LearnerError: no such argument.
    """
    call = blueprint(learner)
    unknown = sorted(set(changes) - set(call.get("arguments", {})))
    if unknown:
        raise LearnerError(
            f"{type(learner).__name__} has no argument {', '.join(unknown)}. It has: {', '.join(call.get('arguments', {}))}."
        )
    fresh: Learner[Any] = build(call | {"arguments": call["arguments"] | blueprint(changes)}, _known())
    return fresh


def save_training(
    path: str | Path,
    step: int,
    learner: Learner[Any],
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    note: Any,
    source: TaskSource[Any] | None = None,
) -> None:
    """Writes everything that the next step depends on, and a JSON note beside it."""
    write(path, "training", {"step": step, "note": note}, training_state(learner, optimizer, schedule, source))


def load_training(
    path: str | Path,
    learner: Learner[Any],
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    source: TaskSource[Any] | None = None,
) -> tuple[int, Any]:
    """Restores what `save_training` wrote, in place; returns the step and the note."""
    found = read(path, ("training",))
    try:
        restore_training(unpack(found.skeleton, found.tensors), learner, optimizer, schedule, source)
    except (RuntimeError, ValueError, KeyError) as error:
        raise ArtefactError(f"{path} belongs to another learner or optimizer: {error}") from error
    return found.description["step"], found.description["note"]


def training_state(
    learner: Learner[Any], optimizer: Optimizer, schedule: LRScheduler | None, source: TaskSource[Any] | None = None
) -> dict[str, Any]:
    """Everything that the next step depends on, as a tree."""
    return {
        "learner": dict(learner.state_dict()),
        "optimizer": optimizer.state_dict(),
        "schedule": {k: v for k, v in schedule.state_dict().items() if not callable(v)} if schedule else None,
        "tasks": source.state_dict() if source is not None else {},
    }


def restore_training(
    state: Mapping[str, Any],
    learner: Learner[Any],
    optimizer: Optimizer,
    schedule: LRScheduler | None,
    source: TaskSource[Any] | None = None,
) -> None:
    """Puts what `training_state` gave into its place, on whatever device the learner is."""
    learner.load_state_dict(state["learner"])
    optimizer.load_state_dict(state["optimizer"])
    if schedule is not None:
        schedule.load_state_dict(state["schedule"])
    if source is not None and "tasks" in state:  # files of before sources remembered anything have none
        source.load_state_dict(state["tasks"])
