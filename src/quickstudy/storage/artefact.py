"""Our file format: safetensors with a JSON description inside; nothing is ever unpickled, nothing in a file is executed.

A file holds the tensors of a tree in order and, in its header, ``format``, ``kind``, versions, the tree's skeleton, whatever
the kind adds, and a checksum over all of it.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from quickstudy.errors import ArtefactError
from quickstudy.storage.files import write_whole

__all__ = ["FORMAT", "Artefact", "pack", "read", "unpack", "versions", "write"]

FORMAT = 1
"""Raised when a newer version writes what an older one cannot read."""


@dataclass(frozen=True)
class Artefact:
    """What a file says: its kind, its description, its tree of tensors (as skeleton and list)."""

    kind: str
    description: dict[str, Any]
    skeleton: Any
    tensors: list[Tensor]


def pack(tree: Any) -> tuple[Any, list[Tensor]]:
    """A tree as a JSON skeleton and its tensors: dictionaries, lists, tuples, records, plain values.

    >>> pack({"a": (torch.zeros(2), 3)})
    ({'dict': [['a', {'tuple': [{'tensor': 0}, 3]}]]}, [tensor([0., 0.])])
    """
    tensors: list[Tensor] = []

    def visit(value: Any) -> Any:
        if isinstance(value, Tensor):
            tensors.append(value.detach().cpu().contiguous().clone())
            return {"tensor": len(tensors) - 1}
        if isinstance(value, Mapping):
            return {"dict": [[key, visit(item)] for key, item in value.items()]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"record": type(value).__name__, "items": [[n, visit(getattr(value, n))] for n in value._fields]}
        if is_dataclass(value) and not isinstance(value, type):
            items = [[field.name, visit(getattr(value, field.name))] for field in fields(value)]
            return {"record": type(value).__name__, "items": items}
        if isinstance(value, list | tuple):
            return {"list" if isinstance(value, list) else "tuple": [visit(item) for item in value]}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise ArtefactError(f"a {type(value).__name__} cannot be saved without pickle. Keep tensors and plain values in states.")

    return visit(tree), tensors


def unpack(skeleton: Any, tensors: list[Tensor], records: Callable[[str], type | None] = lambda name: None) -> Any:
    """The inverse of `pack`; ``records`` finds the class of a record by its name among those it allows."""

    def visit(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if "tensor" in node:
            return tensors[node["tensor"]]
        if "dict" in node:
            return {key: visit(item) for key, item in node["dict"]}
        if "record" in node:
            found = records(str(node["record"]))
            if found is None:
                raise ArtefactError(f"the file holds a {node['record']}, which its learner does not know.")
            return found(**{key: visit(item) for key, item in node["items"]})
        items = [visit(item) for item in node.get("list") or node.get("tuple") or ()]
        return items if "list" in node else tuple(items)

    return visit(skeleton)


def write(path: str | Path, kind: str, description: dict[str, Any], tree: Any) -> None:
    """Writes a file whole or not at all.

    Raises:
        ArtefactError: it cannot be written, or the tree holds more than tensors and plain values.
    """
    skeleton, tensors = pack(tree)
    named = {f"{number:05d}": tensor for number, tensor in enumerate(tensors)}
    header = {"format": FORMAT, "kind": kind, "versions": versions(), "skeleton": skeleton, "description": description}
    text = json.dumps(header, sort_keys=True)
    content = safetensors.torch.save(named, {"quickstudy": text, "checksum": _checksum(text, tensors)})
    write_whole(Path(path), content)


def read(path: str | Path, kinds: tuple[str, ...]) -> Artefact:
    """Reads and checks a file; nothing in it is executed.

    Raises:
        ArtefactError: it is missing, truncated, altered, foreign, of a newer version or of another kind.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    try:
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length])["__metadata__"]
        named = safetensors.torch.load(content)
        text, checksum = metadata["quickstudy"], metadata["checksum"]
        header = json.loads(text)
        tensors = [named[name] for name in sorted(named)]
        form, kind = header["format"], header["kind"]
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ArtefactError(
            f"{path} is not a whole file of quickstudy (truncated or foreign). Save it again, or use a copy."
        ) from error
    if not isinstance(form, int) or form > FORMAT:
        made = header.get("versions", {}).get("quickstudy", "a later version")
        raise ArtefactError(
            f"{path} was made by quickstudy {made} in a newer format ({form}; this version reads up to {FORMAT}). "
            "Upgrade: pip install -U quickstudy."
        )
    if _checksum(text, tensors) != checksum:
        raise ArtefactError(f"{path} was altered after it was saved: its checksum does not fit. Use a copy, or save again.")
    if kind not in kinds:
        raise ArtefactError(f"{path} holds a {kind}, but a {' or '.join(kinds)} is needed here.")
    return Artefact(kind, header["description"], header["skeleton"], tensors)


def _checksum(text: str, tensors: list[Tensor]) -> str:
    found = hashlib.sha256(text.encode())
    for tensor in tensors:
        found.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    return found.hexdigest()


def versions() -> dict[str, str]:
    """What a file or a run records of the software that made it."""
    try:
        own = version("quickstudy")
    except PackageNotFoundError:  # used from a source tree that was not installed
        own = "0"
    return {"quickstudy": own, "torch": torch.__version__, "python": platform.python_version()}
