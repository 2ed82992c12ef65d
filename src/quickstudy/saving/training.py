"""Training states, to disk and back: everything that the next outer step depends on."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quickstudy.errors import ArtefactError
from quickstudy.learner import Learner
from quickstudy.storage.artefact import FORMAT, pack, read, unpack, write
from quickstudy.tasks.source import TaskSource

__all__ = ["load_training", "restore_training", "save_training", "training_state", "write_training"]


def save_training(
    path: str | Path,
    step: int,
    learner: Learner[Any],
    optimizer: Optimizer,
    schedule: LRScheduler | None = None,
    note: Any = None,
    source: TaskSource[Any] | None = None,
) -> None:
    """Writes everything that the next outer step of `train` depends on to one file, whole or not at all.

    The other half is `load_training`; with the same seed and batch ``train(..., start=step)`` then gives the same weights, bit
    for bit, as a training without a stop.

    Args:
        path: of the file.
        step: outer steps done, ``record.step``.
        learner: its weights and buffers.
        optimizer: its state.
        schedule: of the optimizer, if there is one.
        note: anything of your own that JSON can hold: the best score, say.
        source: of the tasks, if it learns from losses (`tasks.Hard`); others need not be saved.

    Raises:
        ArtefactError: the file cannot be written; an old one survives.

    >>> import tempfile
    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> learner = ProtoNet(torch.nn.Linear(4, 2))
    >>> optimizer = torch.optim.Adam(learner.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_training(f"{folder}/training.safetensors", 5, learner, optimizer, note={"best": 0.7})
    ...     load_training(f"{folder}/training.safetensors", learner, optimizer)
    (5, {'best': 0.7})
    """
    write_training(path, step, training_state(learner, optimizer, schedule, source), note)


def write_training(path: str | Path, step: int, state: Mapping[str, Any], note: Any) -> None:
    """Writes a state of `training_state`, after ``step`` steps."""
    write(path, "training", {"step": step, "note": note, "digest": _digest([step, note, state])}, state)


def load_training(
    path: str | Path,
    learner: Learner[Any],
    optimizer: Optimizer,
    schedule: LRScheduler | None = None,
    source: TaskSource[Any] | None = None,
) -> tuple[int, Any]:
    """Restores what `save_training` wrote, in place.

    Args:
        path: of the file.
        learner, optimizer, schedule, source: built as those that were saved.

    Returns:
        The number of outer steps done, and the note: ``train(..., start=step)``.

    Raises:
        ArtefactError: the file is damaged, altered, of an older format, or belongs to another learner, optimizer or schedule;
            then nothing was changed.
    """
    found = read(path, ("training",))
    if found.form != FORMAT:
        raise ArtefactError(
            f"{path} was saved by quickstudy {found.versions.get('quickstudy')} (format {found.form}), and a training cannot be "
            "resumed by another format. Resume it with that version, or train anew in another folder; its learner, "
            "best.safetensors, still loads."
        )
    parts = (learner, optimizer, schedule, source)
    state = unpack(found.skeleton, found.tensors)
    step, note = found.description.get("step"), found.description.get("note")
    if type(step) is not int or step < 0 or _digest([step, note, state]) != found.description.get("digest"):
        raise ArtefactError(f"{path} was altered after it was saved: its checksum does not fit. Use a copy, or train anew.")
    present = training_state(*parts)
    misfit = _misfit(state, present)
    if misfit:
        raise ArtefactError(
            f"{path} belongs to another learner, optimizer or schedule: {misfit}. Use those that it was saved with."
        )
    try:
        restore_training(state, *parts)
        whole = _digest(training_state(*parts)) == _digest(state)
    except Exception as error:  # what torch and user code make of a state that is not theirs
        restore_training(present, *parts)
        raise ArtefactError(f"{path} belongs to another learner, optimizer or schedule: {error}") from error
    if not whole:
        restore_training(present, *parts)
        raise ArtefactError(
            f"{path} cannot be resumed: after it was loaded, learner, optimizer and schedule are not as they were saved. "
            "Use the kinds that it was saved with."
        )
    return step, note


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
    if source is not None:
        source.load_state_dict(state["tasks"])


def _digest(tree: Any) -> str:
    """Of plain values and tensors; the order of a dictionary's entries does not count."""
    skeleton, tensors = pack(_sorted(tree))
    found = hashlib.sha256(json.dumps(skeleton).encode())
    for tensor in tensors:
        found.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return found.hexdigest()


def _sorted(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _sorted(tree[key]) for key in sorted(tree, key=str)}
    return [_sorted(item) for item in tree] if isinstance(tree, list) else tree


def _misfit(state: Any, present: Mapping[str, Any]) -> str:
    """In what the layout of a saved state differs from the present one; nothing if it does not."""
    if not isinstance(state, Mapping) or set(state) != set(present):
        return "it is no training state"
    for part in ("learner", "schedule", "tasks"):
        mine, theirs = present[part], state[part]
        if (mine is None) != (theirs is None):
            return f"the {part} is {'missing' if theirs is None else 'not used here'}"
        if mine is not None and set(mine) != set(theirs):
            other = sorted(set(mine) ^ set(theirs), key=str)
            return f"the {part} differs in {', '.join(map(str, other[:3]))}"
    for name, tensor in present["learner"].items():
        if _scene(state["learner"][name]) != _scene(tensor):
            return f"{name} is {_scene(state['learner'][name])} there and {_scene(tensor)} here"
    groups = [[(sorted(group), len(group["params"])) for group in side["optimizer"]["param_groups"]] for side in (state, present)]
    return "" if groups[0] == groups[1] else "the optimizer's groups differ"


def _scene(value: Any) -> str:
    return (
        f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )
