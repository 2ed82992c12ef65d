"""The content of rows in 8 bytes each: computed once, kept with the index or its store; equal rows have equal hashes."""

import hashlib
import math
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Hashes, Rows
from quickstudy.datasets.held_rows import taken
from quickstudy.functional.tree import leaves
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.task import Inputs

__all__ = ["content_of", "equal_rows", "hashes_of", "row_hashes", "tree_hashes"]

_AT_ONCE = 1000


class _Indexed(Protocol):
    """An index of classes, or a table of tasks."""

    @property
    def x(self) -> Inputs | Rows: ...

    @property
    def reads(self) -> InputKind | None: ...

    @property
    def hashes(self) -> Hashes: ...

    def __len__(self) -> int: ...

    def gather(self, rows: Tensor) -> Inputs:
        """Rows by number."""


def hashes_of(rows: NDArray[Any], *, pixels: bool = False) -> NDArray[np.uint64]:
    """A hash of each row's values, (R,): rows of one shape have one hash where a learner sees the same, else (nearly surely) two.

    Args:
        rows: numbers of any kind, (R, …).
        pixels: whether 8-bit values stand for 0, 1/255 … 1, as a reader of images scales them.

    >>> found = hashes_of(np.array([[1, 2], [3, 4], [1, 2]], dtype=np.uint8))
    >>> bool(found[0] == found[2]), bool(found[0] == found[1])
    (True, False)
    """
    if rows.dtype == np.uint8:
        return _marks(rows if pixels else rows.astype(np.int16))
    found = _marks(rows)
    if rows.dtype.kind == "f":
        with np.errstate(all="ignore"):
            whole = np.round(rows * 255).clip(0, 255).astype(np.uint8)
            exact = (whole.astype(rows.dtype) / rows.dtype.type(255) == rows).reshape(len(rows), -1).all(1)
        found[exact] = _marks(whole[exact])
    return found


def _marks(rows: NDArray[Any]) -> NDArray[np.uint64]:
    width = rows.itemsize * math.prod(rows.shape[1:])
    content = memoryview(np.ascontiguousarray(rows).tobytes())
    marks = [hashlib.blake2b(content[low : low + width], digest_size=8).digest() for low in range(0, len(rows) * width, width)]
    return np.frombuffer(b"".join(marks), dtype="<u8").astype(np.uint64)


def tree_hashes(x: Inputs, *, pixels: bool = False) -> NDArray[np.uint64]:
    """A hash of each row of a tensor, as `hashes_of`, or of a tree of tensors: of the hashes of its tensors.

    >>> rows = {"tokens": torch.tensor([[1, 2], [1, 2]]), "mask": torch.tensor([[1.0, 1.0], [1.0, 0.0]])}
    >>> len(set(tree_hashes(rows).tolist()))
    2
    """
    found = [hashes_of(_plain(leaf), pixels=pixels) for leaf in leaves(x)]
    return found[0] if isinstance(x, Tensor) else _marks(np.stack(found, 1))


def _plain(leaf: Tensor) -> NDArray[Any]:
    leaf = leaf.detach().cpu()
    plain: NDArray[Any] = (leaf.float() if leaf.dtype == torch.bfloat16 else leaf).numpy()
    return plain


def _scene(x: Inputs) -> str:
    """The shape of a row, and of a tree its places."""
    return f"{tuple(x.shape[1:])}" if isinstance(x, Tensor) else str(RowShape.of(x))


def row_hashes(index: _Indexed, rows: Tensor | None = None) -> NDArray[np.uint64]:
    """The hashes of an index's rows by number (1-D), all by default; each is computed on first use, and kept.

    Images hash alike in memory, in a store and read on demand.

    >>> index = ClassIndex(torch.tensor([[0.0], [1.0], [0.0]]), torch.tensor([0, 1, 1]), ("a", "b"))
    >>> len(set(row_hashes(index).tolist()))
    2
    """
    numbers = np.arange(len(index)) if rows is None else rows.cpu().numpy()
    stored = getattr(index.x, "hashes", None)
    if stored is not None:
        return np.asarray(stored[numbers])
    kept = index.hashes
    missing = np.unique(numbers[~kept.known[numbers]])
    for start in range(0, len(missing), _AT_ONCE):
        part = missing[start : start + _AT_ONCE]
        x = taken(index.x, torch.from_numpy(part))
        kept.marks[part] = tree_hashes(x, pixels=isinstance(index.reads, Images))
        kept.known[part] = True
    return np.asarray(kept.marks[numbers])


def content_of(index: _Indexed, *rows: Tensor) -> str:
    """A fingerprint of the distinct ones among some rows: other values in any of them, another fingerprint.

    >>> index = ClassIndex(torch.eye(4), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> content_of(index, torch.tensor([[3, 0]])) == content_of(index, torch.tensor([0, 3, 3]))
    True
    """
    distinct = torch.unique(torch.cat([part.reshape(-1) for part in rows]))
    scene = _scene(index.gather(distinct[:1])) if len(distinct) else ""
    return hashlib.sha256(scene.encode() + row_hashes(index, distinct).tobytes()).hexdigest()[:16]


def equal_rows(index: ClassIndex) -> Tensor:
    """A number for each row, (R,): rows of one class that are equal have one number.

    >>> equal_rows(ClassIndex(torch.tensor([[5.0], [7.0], [5.0], [5.0]]), torch.tensor([0, 0, 0, 1]), ("a", "b"))).tolist()
    [0, 1, 0, 2]
    """
    keys = np.stack([index.labels.numpy().astype(np.uint64), row_hashes(index)], 1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return torch.from_numpy(rank[inverse.reshape(-1)])
