"""Where a file may be written: where nothing is, or over a file of the same kind of ours; nothing else is overwritten unasked."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quickstudy.errors import Argument, ArtefactError

__all__ = [
    "ANSWERS",
    "FIGURE",
    "LOG_TABLE",
    "ONNX_MODEL",
    "PAGE",
    "PREDICTOR",
    "RUN_FILES",
    "SOFTWARE",
    "TASK_LIST",
    "TORCH_PROGRAM",
    "Kind",
    "check_folder",
    "check_output",
    "json_of",
]

SOFTWARE = "quickstudy"
"""The name that pages and figures carry of what made them, so that they are known again."""

_HEAD, _LONGEST_HEADER = 2**16, 2**24
RUN_FILES = ("run.json", "training.safetensors", "best.safetensors", "log.jsonl", ".lock")
"""What a run's folder holds, and a run cannot do without."""


@dataclass(frozen=True)
class Kind:
    """A kind of file that we write.

    Args:
        name: in words.
        known: whether the file at a path is of this kind.
        endings: that its name may have; none leaves it free.
    """

    name: str
    known: Callable[[Path], bool]
    endings: tuple[str, ...] = ()


def json_of(name: str, *keys: str) -> Kind:
    """A JSON file of ours: an object with at least these keys."""

    def known(path: Path) -> bool:
        found = json.loads(path.read_text(encoding="utf-8"))
        return isinstance(found, dict) and set(keys) <= set(found)

    return Kind(name, known)


def _artefact(kind: str) -> Kind:
    """A file of `quickstudy.storage.artefact`, known by its header alone, however many tensors follow."""

    def known(path: Path) -> bool:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= _LONGEST_HEADER else {}
        return bool(json.loads(header["__metadata__"]["quickstudy"])["kind"] == kind)

    return Kind(kind, known)


def _starts(*starts: bytes, within: bytes = b"") -> Callable[[Path], bool]:
    """Files that start with one of ``starts`` and have ``within`` near their beginning or end."""

    def known(path: Path) -> bool:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(_HEAD, path.stat().st_size - _HEAD))
            return head.startswith(starts) and within in head + file.read()

    return known


PREDICTOR = _artefact("predictor")
TASK_LIST = _artefact("task list")
PAGE = Kind("page", _starts(b"<!doctype html>", within=f'<meta name="generator" content="{SOFTWARE}">'.encode()))
FIGURE = Kind("figure", _starts(b"\x89PNG", b"<?xml", b"%PDF", b"%!PS", within=SOFTWARE.encode()), (".png", ".svg", ".pdf"))
LOG_TABLE = Kind("table of a log", _starts(b"step,loss,", b"step\n"))
ONNX_MODEL = Kind("ONNX model", _starts(b"\x08", within=SOFTWARE.encode()), (".onnx",))
TORCH_PROGRAM = Kind("program of PyTorch", _starts(b"PK", within=f"{SOFTWARE}.json".encode()), (".pt2",))
ANSWERS = Kind("table of answers", _starts(b"input,class,probability", b"input,value"))


def check_output(path: Path, kind: Kind, *, argument: str, force: bool = False) -> None:
    """Refuses, before any work, a place where a file of a kind should not or cannot be written.

    Args:
        path: of the file.
        kind: of the file.
        argument: that named the path.
        force: overwrite a file of another kind; files of a run and what is no file are never overwritten.

    Raises:
        ArtefactError: another file is there, or nothing can be written there.
    """
    named = Argument(argument)
    if _of_a_run(path) or _of_a_run(path.resolve()):
        raise ArtefactError(f"{path} belongs to the run in its folder, which needs it. Name another file with ", named, ".")
    if kind.endings and path.suffix.lower() not in kind.endings:
        raise ArtefactError(
            f"{path} has no ending that names its format. Name a file that ends in {' or '.join(kind.endings)} with ", named, "."
        )
    if path.is_dir():
        raise ArtefactError(f"{path} is a folder. Name a file in it with ", named, ".")
    if os.path.lexists(path) and path.exists():
        if not path.is_file():
            raise ArtefactError(f"{path} is a device or a pipe, not a file. Name a file with ", named, ".")
        if not force and path.stat().st_size and not _is(path, kind):
            raise ArtefactError(
                f"{path} already exists and is no {kind.name} of quickstudy. Name another file with ",
                named,
                ", or overwrite it with ",
                Argument("force", True),
                ".",
            )
    check_folder(path.parent, argument=argument)


def check_folder(folder: Path, *, argument: str, files: tuple[tuple[str, Kind], ...] = ()) -> None:
    """Refuses a folder that is none, or cannot be written to, or in which files of other kinds have our files' names.

    Raises:
        ArtefactError: such a folder.
    """
    place = folder.absolute()
    known = next(above for above in (place, *place.parents) if os.path.lexists(above))
    if not known.is_dir() or not os.access(known, os.W_OK | os.X_OK):
        reason = "may not be written to" if known.is_dir() else "is no folder"
        raise ArtefactError(f"{known} {reason}. Choose another place with ", Argument(argument), ".")
    for name, kind in files:
        if (folder / name).is_file() and (folder / name).stat().st_size and not _is(folder / name, kind):
            raise ArtefactError(
                f"{folder / name} already exists and is no {kind.name} of quickstudy. Choose another folder with ",
                Argument(argument),
                ".",
            )


def _is(path: Path, kind: Kind) -> bool:
    try:
        return kind.known(path)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return False


def _of_a_run(path: Path) -> bool:
    return path.name in RUN_FILES and (path.parent / "run.json").exists()
