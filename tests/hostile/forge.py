"""Files of our format written by other hands: any description, any tensors, and a checksum that fits."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

__all__ = ["forged", "header_of", "rewritten", "written"]


def header_of(content: bytes) -> dict[str, Any]:
    """What a file of ours says of itself."""
    length = int.from_bytes(content[:8], "little")
    found: dict[str, Any] = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["quickstudy"])
    return found


def rewritten(content: bytes, change: Callable[[dict[str, Any], list[Tensor]], None]) -> bytes:
    """The same file after ``change`` of its header and tensors, with a checksum that fits."""
    named = safetensors.torch.load(content)
    header, tensors = header_of(content), [named[name] for name in sorted(named)]
    change(header, tensors)
    return written(header, tensors)


def forged(path: Path, **changes: Any) -> None:
    """Changes entries of a file's header."""
    path.write_bytes(rewritten(path.read_bytes(), lambda header, tensors: header.update(changes)))


def written(header: Any, tensors: list[Tensor], text: str | None = None) -> bytes:
    """A file of this header (or of a text in its place) and these tensors."""
    text = json.dumps(header, sort_keys=True) if text is None else text
    found = hashlib.sha256(text.encode())
    for tensor in tensors:
        found.update(f"{tuple(tensor.shape)}{tensor.dtype}".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
    named = {f"{number:05d}": tensor.contiguous().clone() for number, tensor in enumerate(tensors)}
    return bytes(safetensors.torch.save(named, {"quickstudy": text, "checksum": found.hexdigest()}))
