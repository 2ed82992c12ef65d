"""Rows of a file mapped into memory: a tensor each, or a record of the tensors of a tree; each is checked when first read."""

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.row_hashes import tree_hashes
from quickstudy.errors import ArtefactError, DataError
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.storage.artefact import pack, unpack
from quickstudy.task import Inputs

__all__ = ["KINDS", "REMEDY", "MappedRows", "RowLayout"]

KINDS = ("uint8", "float16", "float32", "bool", "int8", "int16", "int32", "int64")
"""Of numbers that a file of rows may hold."""

REMEDY = "Copy the store anew, or write it again with datasets.write_store."


@dataclass(frozen=True)
class RowLayout:
    """How the tensors of a row lie one after another in a file.

    Args:
        skeleton: of the tree, as JSON can hold it.
        parts: shape and kind of each tensor.

    >>> layout = RowLayout.of({"tokens": torch.zeros(2, 7).int(), "mask": torch.ones(2, 7).bool()})
    >>> records = layout.records({"tokens": torch.ones(2, 7).int(), "mask": torch.ones(2, 7).bool()})
    >>> layout.dtype.itemsize, layout.tensors(records)["tokens"].sum()
    (35, tensor(14))
    """

    skeleton: Any
    parts: tuple[tuple[tuple[int, ...], str], ...]

    @classmethod
    def of(cls, x: Inputs) -> "RowLayout":
        """That of rows in memory."""
        try:
            skeleton, tensors = pack(map_leaves(lambda leaf: leaf[:1], x))
            unpack(skeleton, tensors)
        except ArtefactError as error:
            raise DataError(f"rows of this kind cannot be kept in a file ({error}). Give dictionaries of tensors.") from error
        return cls(skeleton, tuple((tuple(leaf.shape[1:]), str(leaf.dtype).removeprefix("torch.")) for leaf in leaves(x)))

    @classmethod
    def of_tensor(cls, shape: Sequence[int], kind: str) -> "RowLayout":
        """That of rows of one tensor each."""
        return cls({"tensor": 0}, ((tuple(shape), kind),))

    @classmethod
    def from_json(cls, found: Any) -> "RowLayout":
        """The inverse of `to_json`.

        Raises:
            ValueError, TypeError, KeyError: it is none.
        """
        parts = tuple((tuple(map(int, shape)), str(kind)) for shape, kind in found["parts"])
        if not parts or not all(kind in KINDS for _, kind in parts):
            raise ValueError(f"{[kind for _, kind in parts]} for kinds of number")
        return cls(found["skeleton"], parts)

    def to_json(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"skeleton": self.skeleton, "parts": [[list(shape), kind] for shape, kind in self.parts]}

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a record: a field for each tensor, without gaps."""
        return np.dtype([(f"t{place}", kind, shape) for place, (shape, kind) in enumerate(self.parts)])

    def records(self, x: Inputs) -> NDArray[Any]:
        """Rows as records, (R,)."""
        tensors = leaves(x)
        found = np.empty(len(tensors[0]), self.dtype)
        for place, leaf in enumerate(tensors):
            found[f"t{place}"] = leaf.detach().cpu().numpy()
        return found

    def tensors(self, records: NDArray[Any]) -> Inputs:
        """Records as rows.

        Raises:
            DataError: the layout is none.
        """
        fields = [records[f"t{place}"] for place in range(len(self.parts))]
        parts = [torch.from_numpy(each if len(fields) == 1 else each.copy()) for each in fields]  # of one, the records themselves
        try:
            return unpack(self.skeleton, parts)
        except ArtefactError as error:
            raise DataError(f"the rows are not laid out as a store's ({error}). {REMEDY}") from error


class MappedRows:
    """Rows of a mapped file; pages that were read belong to the system, which takes them back when memory is short.

    Args:
        path: of the file.
        layout: of a row.
        hashes: of the rows, (R,), by `row_hashes.hashes_of`; each is compared when its row is first read.
        pixels: whether 8-bit rows are images.

    Raises:
        DataError: the file is missing or no whole number of rows; when read: a row has changed since it was written.
    """

    def __init__(
        self,
        path: str | Path,
        layout: RowLayout,
        hashes: NDArray[np.uint64] | None = None,
        *,
        pixels: bool = False,
    ) -> None:
        self.path, self.layout, self.hashes, self.pixels = Path(path), layout, hashes, pixels
        row = self.layout.dtype.itemsize
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size == 0 or row == 0 or size % row:
            raise DataError(f"{self.path} holds {size:,} bytes, no whole number of rows of {row:,}. {REMEDY}")
        self.rows = np.memmap(self.path, dtype=self.layout.dtype, mode="r", shape=(size // row,))
        if hashes is not None and len(hashes) != len(self.rows):
            raise DataError(f"{self.path} holds {len(self.rows):,} rows, not the {len(hashes):,} that were written. {REMEDY}")
        self._seen = np.zeros(len(self.rows), dtype=bool)
        if hasattr(mmap, "MADV_RANDOM"):
            self.rows._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]  # rows beside one that is asked for are not

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, rows: Tensor) -> Inputs:
        """Copies of rows by number (1-D); the file is read from front to back."""
        numbers = rows.cpu().numpy()
        order = np.argsort(numbers, kind="stable")
        records = np.empty(len(numbers), self.layout.dtype)
        records[order] = self.rows[numbers[order]]
        found = self.layout.tensors(records)
        if self.hashes is not None and not self._seen[numbers].all():
            self._check(numbers, found, self.hashes)
        return found

    def _check(self, numbers: NDArray[np.int64], found: Inputs, hashes: NDArray[np.uint64]) -> None:
        new = ~self._seen[numbers]
        wrong = (
            tree_hashes(map_leaves(lambda leaf: leaf[torch.from_numpy(new)], found), pixels=self.pixels) != hashes[numbers[new]]
        )
        if wrong.any():
            raise DataError(f"row {numbers[new][wrong][0]} of {self.path} has changed since it was written. {REMEDY}")
        self._seen[numbers] = True

    def __reduce__(self) -> Any:
        return partial(MappedRows, pixels=self.pixels), (self.path, self.layout, self.hashes)
