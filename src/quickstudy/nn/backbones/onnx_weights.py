"""The tensors in an ONNX file, read without the onnx package: the few fields of the format that hold them.

Only for files whose hash is known: nothing here distrusts its input.

Source: the ONNX specification, onnx.proto (ModelProto.graph = 7, GraphProto.initializer = 5, TensorProto.dims = 1, data_type = 2,
name = 8, raw_data = 9).
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["onnx_tensors"]

_TYPES = {1: torch.float32, 3: torch.int8}
"""Numbers of the types of tensors that are weights; all others are left out."""


def onnx_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of float32 and int8 by name, in the order of the file."""
    graph = next(value for field, value in _fields(memoryview(path.read_bytes())) if field == 7)
    found: dict[str, Tensor] = {}
    for field, value in _fields(_bytes(graph)):
        if field == 5:
            name, kind, shape, raw = _tensor(_bytes(value))
            if kind in _TYPES and raw:
                found[name] = torch.frombuffer(bytearray(raw), dtype=_TYPES[kind]).reshape(shape)
    return found


def _tensor(message: memoryview) -> tuple[str, int, list[int], memoryview]:
    name, kind, shape, raw = "", 0, [], memoryview(b"")
    for field, value in _fields(message):
        if field == 1 and isinstance(value, int):
            shape.append(value)
        elif field == 1:
            shape.extend(_numbers(_bytes(value)))
        elif field == 2 and isinstance(value, int):
            kind = value
        elif field == 8:
            name = bytes(_bytes(value)).decode()
        elif field == 9:
            raw = _bytes(value)
    return name, kind, shape, raw


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a protocol buffer message."""
    place = 0
    while place < len(message):
        key, place = _number(message, place)
        kind = key & 7
        if kind == 0:
            value, place = _number(message, place)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            size, place = _number(message, place)
        yield key >> 3, message[place : place + size]
        place += size


def _numbers(message: memoryview) -> Iterator[int]:
    place = 0
    while place < len(message):
        value, place = _number(message, place)
        yield value


def _number(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number of any length, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place


def _bytes(value: int | memoryview) -> memoryview:
    assert isinstance(value, memoryview)
    return value
