"""Task lists as files: frozen plans to exchange; a list is refused with other data.

A list holds row numbers, columns and masks (kilobytes), not images; its digest covers the data it was drawn from.
"""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from quickstudy.errors import ArtefactError, TaskError
from quickstudy.storage.artefact import read, unpack, write
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["load_tasks", "save_tasks"]


def save_tasks(path: str | Path, source: TaskSource[Any], plan: Plan) -> None:
    """Writes a task list, whole or not at all.

    Args:
        path: the file.
        source: that planned the tasks.
        plan: the tasks, for example ``source.plan(1000, generator)``.

    Raises:
        ArtefactError: the file cannot be written.

    >>> import tempfile, torch
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> source = Sinusoid()
    >>> plan = source.plan(3, generator_of(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_tasks(Path(folder, "waves.tasks"), source, plan)
    ...     load_tasks(Path(folder, "waves.tasks"), source).digest() == plan.digest()
    True
    """
    description = {"source": source.name, "digest": source.digest(plan), "tasks": len(plan)}
    write(path, "task list", description, plan)


def load_tasks(path: str | Path, source: TaskSource[Any]) -> Plan:
    """Reads a task list, to be evaluated by ``evaluate(model, source, plan=...)``.

    Args:
        path: what `save_tasks` wrote.
        source: of the same data and sizes as the one that planned it.

    Raises:
        ArtefactError: no whole task list.
        TaskError: a list of another source, or drawn from other data.
    """
    found = read(path, ("task list",))
    example = source.plan(1, generator_of(0))
    kind = type(example)
    made = found.description["source"]
    if found.skeleton.get("record") != kind.__name__ or made != source.name:
        raise TaskError(f"{path} lists tasks of {made}, not of {source.name}. Give the source that it was drawn from.")
    plan = unpack(found.skeleton, found.tensors, _kinds(example).get)
    try:
        digest = source.digest(plan)
    except (IndexError, ValueError) as error:
        raise TaskError(f"{path} names rows that {source.name} does not have here. Compare the versions of the data.") from error
    if digest != found.description["digest"]:
        raise TaskError(
            f"{path} was drawn from other data than {source.name} holds here (digest {found.description['digest']}, here "
            f"{digest}). Compare the versions of the data."
        )
    if not isinstance(plan, Plan):  # the skeleton says so already; a reader of types does not know
        raise ArtefactError(f"{path} holds no task list. Save it again.")
    return plan


def _kinds(thing: Any) -> dict[str, type]:
    """The records in a plan by name: a source around others plans by records that hold theirs."""
    if isinstance(thing, list | tuple):
        return {name: kind for part in thing for name, kind in _kinds(part).items()}
    if not is_dataclass(thing) or isinstance(thing, type):
        return {}
    return {type(thing).__name__: type(thing)} | _kinds([getattr(thing, field.name) for field in fields(thing)])
