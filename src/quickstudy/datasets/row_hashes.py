"""The content of rows in 8 bytes each: computed once, kept with the index or its store; equal rows have equal hashes."""

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex

__all__ = ["hashes_of", "row_hashes"]

_AT_ONCE = 1000


def hashes_of(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """A hash of each row's bytes, (R,).

    >>> found = hashes_of(np.array([[1, 2], [3, 4], [1, 2]], dtype=np.uint8))
    >>> bool(found[0] == found[2]), bool(found[0] == found[1])
    (True, False)
    """
    plain = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
    marks = [hashlib.blake2b(row.data, digest_size=8).digest() for row in plain]
    return np.frombuffer(b"".join(marks), dtype="<u8").astype(np.uint64)


def row_hashes(index: ClassIndex, rows: Tensor | None = None) -> NDArray[np.uint64]:
    """The hashes of an index's rows by number (1-D), all by default; each is computed when it is first asked for.

    Images hash alike in memory, in a store and read on demand: as 8-bit values where they are such.

    >>> index = ClassIndex(torch.tensor([[0.0], [1.0], [0.0]]), torch.tensor([0, 1, 1]), ("a", "b"))
    >>> len(set(row_hashes(index).tolist()))
    2
    """
    numbers = np.arange(len(index)) if rows is None else rows.cpu().numpy()
    kept = index.hashes
    missing = np.unique(numbers[~kept.known[numbers]])
    stored = getattr(index.x, "hashes", None)
    if stored is not None:
        return np.asarray(stored[numbers])
    for start in range(0, len(missing), _AT_ONCE):
        part = missing[start : start + _AT_ONCE]
        kept.marks[part] = _hashed(index, torch.from_numpy(part))
        kept.known[part] = True
    return np.asarray(kept.marks[numbers])


def _hashed(index: ClassIndex, rows: Tensor) -> NDArray[np.uint64]:
    x = index.x[rows] if isinstance(index.x, Tensor) else index.x.gather(rows)
    x = x.detach().cpu()
    if x.dtype == torch.bfloat16:
        x = x.float()
    found = hashes_of(x.numpy())
    if index.reads is not None and x.is_floating_point():
        whole = (x * 255).round().clamp(0, 255).to(torch.uint8)
        exact = (whole.to(x.dtype) / 255 == x).flatten(1).all(1).numpy()
        found[exact] = hashes_of(whole.numpy()[exact])
    return found
