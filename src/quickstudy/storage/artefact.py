"""Our file format: safetensors with a JSON description inside; nothing is ever unpickled, nothing in a file is executed.

A file holds the tensors of a tree in order and, in its header, ``format``, ``kind``, versions, the tree's skeleton, whatever
the kind adds, and a checksum over all of it. The same content gives the same bytes, in any process.
"""

import functools
import hashlib
import json
import math
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from quickstudy.errors import ArtefactError, UserError
from quickstudy.storage.files import open_whole, write_whole
from quickstudy.storage.plain_json import parsed

__all__ = ["FORMAT", "Artefact", "dumped", "pack", "parse", "read", "unpack", "versions", "write"]

FORMAT = 2
"""Raised when a newer version writes what an older one cannot read; format 1 is that of version 0.1.0."""

_LONGEST_HEADER = 32_000_000
_PIECE = 2**20
_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "C64": torch.complex64,
}


@dataclass(frozen=True)
class Artefact:
    """The content of a file: its kind, its description, its tree of tensors (as skeleton and list), its format and versions."""

    kind: str
    description: dict[str, Any]
    skeleton: Any
    tensors: list[Tensor]
    form: int = FORMAT
    versions: dict[str, str] = field(default_factory=dict)


def pack(tree: Any) -> tuple[Any, list[Tensor]]:
    """A tree as a JSON skeleton and its tensors: dictionaries, lists, tuples, records, plain values.

    >>> pack({"a": (torch.zeros(2), 3)})
    ({'dict': [['a', {'tuple': [{'tensor': 0}, 3]}]]}, [tensor([0., 0.])])
    """
    tensors: list[Tensor] = []
    return _packed(tree, tensors), tensors


def _packed(value: Any, tensors: list[Tensor]) -> Any:
    """A node of the skeleton; no function inside `pack`, which would refer to itself and so hold the tensors for a while."""
    if isinstance(value, Tensor):
        tensors.append(value.detach().cpu().contiguous().clone())
        return {"tensor": len(tensors) - 1}
    if isinstance(value, Mapping):
        return {"dict": [[key, _packed(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {"record": type(value).__name__, "items": [[n, _packed(getattr(value, n), tensors)] for n in value._fields]}
    if is_dataclass(value) and not isinstance(value, type):
        items = [[field.name, _packed(getattr(value, field.name), tensors)] for field in fields(value)]
        return {"record": type(value).__name__, "items": items}
    if isinstance(value, list | tuple):
        return {"list" if isinstance(value, list) else "tuple": [_packed(item, tensors) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ArtefactError(f"a {type(value).__name__} cannot be saved without pickle. Keep tensors and plain values in states.")


def unpack(skeleton: Any, tensors: list[Tensor], records: Callable[[str], type | None] = lambda name: None) -> Any:
    """The inverse of `pack`; ``records`` finds the class of a record by its name among those it allows.

    Raises:
        ArtefactError: the skeleton is none that `pack` made, or names a record that is not allowed.
    """
    try:
        return _unpacked(skeleton, tensors, records)
    except UserError:
        raise
    except Exception as error:  # whatever a record's class makes of a forged content
        raise ArtefactError(f"the file is not laid out as one of quickstudy ({error!r}). Save it again.") from error


def _unpacked(node: Any, tensors: list[Tensor], records: Callable[[str], type | None]) -> Any:
    if not isinstance(node, dict):
        return node
    if "tensor" in node:
        return tensors[range(len(tensors))[node["tensor"]]]
    if "dict" in node:
        return {key: _unpacked(item, tensors, records) for key, item in node["dict"]}
    if "record" in node:
        found = records(str(node["record"]))
        if found is None:
            raise ArtefactError(f"the file holds a {node['record']}, which its learner does not know.")
        return found(**{key: _unpacked(item, tensors, records) for key, item in node["items"]})
    ((kind, items),) = node.items()
    return {"list": list, "tuple": tuple}[kind](_unpacked(item, tensors, records) for item in items)


def write(path: str | Path, kind: str, description: dict[str, Any], tree: Any) -> None:
    """Writes a file whole or not at all.

    Raises:
        ArtefactError: it cannot be written, or the tree holds more than tensors and plain values.
    """
    write_whole(Path(path), dumped(kind, description, tree))


def dumped(kind: str, description: dict[str, Any], tree: Any) -> bytes:
    """What `write` writes, as bytes: for a data base.

    Raises:
        ArtefactError: the tree holds more than tensors and plain values.
    """
    skeleton, tensors = pack(tree)
    header = {"format": FORMAT, "kind": kind, "versions": versions(), "skeleton": skeleton, "description": description}
    text = json.dumps(header, sort_keys=True)
    content = safetensors.torch.save({_name(number): tensor for number, tensor in enumerate(tensors)})
    length = int.from_bytes(content[:8], "little")
    found = hashlib.sha256(text.encode())
    for tensor in tensors:
        found.update(_scene(tensor.shape, tensor.dtype))
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    # the library's own header would hold these two in an order that differs from process to process
    table = json.loads(content[8 : 8 + length]) | {"__metadata__": {"checksum": found.hexdigest(), "quickstudy": text}}
    top = json.dumps(table, sort_keys=True).encode()
    top += b" " * (-len(top) % 8)
    return b"".join((len(top).to_bytes(8, "little"), top, memoryview(content)[8 + length :]))


def read(path: str | Path, kinds: tuple[str, ...]) -> Artefact:
    """Reads and checks a file; nothing in it is executed, and nothing is used before its checksum has been verified.

    Raises:
        ArtefactError: it is missing, truncated, altered, foreign, of a newer version or of another kind.
    """
    try:
        with open_whole(Path(path)) as file:
            return parse(file, str(path), kinds)
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}. Check the path.") from error


def parse(file: IO[bytes], path: str, kinds: tuple[str, ...]) -> Artefact:
    """What `read` reads, of an open file or of bytes in memory.

    Args:
        file: at its beginning.
        path: its name, for messages.
        kinds: that are allowed.

    Raises:
        ArtefactError: as `read`.
    """
    try:
        table, start = _table(file)
        metadata = table.pop("__metadata__")
        text, checksum = str(metadata["quickstudy"]), str(metadata["checksum"])
        header = parsed(text)
        form, kind, made = header["format"], str(header["kind"]), dict(header["versions"])
        if isinstance(form, int) and form > FORMAT:
            raise ArtefactError(
                f"{path} was made by quickstudy {made.get('quickstudy', 'of a later version')} in a newer format ({form}; "
                f"this version reads up to {FORMAT}). Upgrade: pip install -U quickstudy."
            )
        if _checksum(text, table, file, start) != checksum:
            raise ArtefactError(f"{path} was altered after it was saved: its checksum does not fit. Use a copy, or save again.")
        if kind not in kinds:
            raise ArtefactError(f"{path} holds a {kind}, but a {' or '.join(kinds)} is needed here.")
        description, skeleton = header["description"], header["skeleton"]
        if not isinstance(description, dict) or type(form) is not int or form < 1:
            raise TypeError(f"format {form}, description {type(description).__name__}")
        file.seek(0)
        named = safetensors.torch.load(file.read())
    except ArtefactError:
        raise
    except (
        safetensors.SafetensorError,
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
    ) as error:
        raise ArtefactError(
            f"{path} is not a whole file of quickstudy (truncated or foreign). Save it again, or use a copy."
        ) from error
    return Artefact(kind, description, skeleton, [named[_name(number)] for number in range(len(named))], form, made)


def _table(file: IO[bytes]) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file, found to describe the rest of the file to its last byte, and where that begins."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
        raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
    table = parsed(file.read(length))
    place = 0
    for begin, end in sorted(entry["data_offsets"] for name, entry in table.items() if name != "__metadata__"):
        if begin != place or end < begin:
            raise ValueError(f"tensors with a gap at {place:,}")
        place = end
    if 8 + length + place != size:
        raise ValueError(f"tensors of {place:,} bytes in a file of {size:,}")
    return table, 8 + length


def _checksum(text: str, table: Mapping[str, Any], file: IO[bytes], start: int) -> str:
    """Of the description and all tensors in their order; the file is read in small pieces."""
    found = hashlib.sha256(text.encode())
    for number in range(len(table)):
        entry = table[_name(number)]
        dtype, shape, (begin, end) = _DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        if math.prod(shape) * dtype.itemsize != end - begin or min(shape, default=0) < 0:
            raise ValueError(f"{end - begin:,} bytes for a tensor of shape {shape}")
        found.update(_scene(shape, dtype))
        file.seek(start + begin)
        for place in range(begin, end, _PIECE):
            found.update(file.read(min(_PIECE, end - place)))
    return found.hexdigest()


def _scene(shape: tuple[int, ...], dtype: torch.dtype) -> bytes:
    return f"{tuple(shape)}{dtype}".encode()


def _name(number: int) -> str:
    return f"{number:05d}"


def versions() -> dict[str, str]:
    """What a file or a run records of the software that made it."""
    return {"quickstudy": _own_version(), "torch": torch.__version__, "python": platform.python_version()}


@functools.cache
def _own_version() -> str:
    try:
        return version("quickstudy")
    except PackageNotFoundError:  # used from a source tree that was not installed
        return "0"
