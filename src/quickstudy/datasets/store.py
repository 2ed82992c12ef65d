"""Rows on disk, mapped into memory: data larger than memory, of which only the rows a task asks for are read.

STORE/rows.bin      the rows, one after another
STORE/labels.npy    the class number of each
STORE/store.json    shape and kind of a row, names of the classes; written last, so that half a store is none
"""

import json
import math
import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.storage.files import write_whole

__all__ = ["MappedRows", "open_store", "pieces_of", "write_store"]

_KINDS = {"uint8": torch.uint8, "float16": torch.float16, "float32": torch.float32}
_VERSION = 1


class MappedRows:
    """Rows of a mapped file; pages that were read belong to the system, which takes them back when memory is short.

    Args:
        path: of the file.
        shape: of a row.
        kind: of its numbers: uint8, float16 or float32.

    Raises:
        DataError: the file is missing or no whole number of rows.
    """

    def __init__(self, path: str | Path, shape: Sequence[int], kind: str) -> None:
        self.path, self.shape, self.kind = Path(path), tuple(shape), kind
        row = math.prod(self.shape) * np.dtype(kind).itemsize
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size == 0 or size % row:
            raise DataError(f"{self.path} holds {size:,} bytes, no whole number of rows of {row:,}. Write the store anew.")
        self.rows = np.memmap(self.path, dtype=kind, mode="r", shape=(size // row, *self.shape))
        if hasattr(mmap, "MADV_RANDOM"):
            self.rows._mmap.madvise(mmap.MADV_RANDOM)  # type: ignore[attr-defined]  # rows beside one that is asked for are not

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, rows: Tensor) -> Tensor:
        """Copies of rows by number (1-D); the file is read from front to back."""
        numbers = rows.cpu().numpy()
        order = np.argsort(numbers, kind="stable")
        found = np.empty((len(numbers), *self.shape), self.rows.dtype)
        found[order] = self.rows[numbers[order]]
        return torch.from_numpy(found)

    def __reduce__(self) -> Any:
        return MappedRows, (self.path, self.shape, self.kind)


def write_store(
    folder: str | Path, pieces: Iterable[tuple[Any, Any]], classes: Sequence[str], *, name: str = "data"
) -> ClassIndex:
    """Writes rows and labels, piece by piece, to ``folder``, and opens them.

    Args:
        folder: of the store; a store that is there is written over.
        pieces: rows (R, …) uint8, float16 or float32, as tensors or arrays, with their class numbers (R,); all rows of one
            shape and kind, any number in a piece. `pieces_of` gives those of an index.
        classes: names of the classes, in order of their numbers.
        name: of the data, used in messages and reports.

    Raises:
        DataError: the folder cannot be written to, pieces of different shapes or kinds, a label without a name, a class without
            rows, or no row at all.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_store(folder, [(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]))], ("a", "b"))
    ClassIndex(data: 4 rows of 2 classes)
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "store.json").unlink(missing_ok=True)
        labels, shape, kind = _written(folder / "rows.bin", pieces, name)
        np.save(folder / "labels.npy", labels)
    except OSError as error:
        raise DataError(f"{folder} cannot be written to ({error.strerror}). Choose another folder, or free its disk.") from error
    found = {"version": _VERSION, "name": name, "shape": list(shape), "kind": kind, "classes": list(classes)}
    index = ClassIndex(MappedRows(folder / "rows.bin", shape, kind), torch.from_numpy(labels), tuple(classes), name)
    write_whole(folder / "store.json", json.dumps(found).encode())
    return index


def _written(path: Path, pieces: Iterable[tuple[Any, Any]], name: str) -> tuple[Any, tuple[int, ...], str]:
    """Labels of all rows, and shape and kind of each."""
    labels, first = [], None
    with path.open("wb") as file:
        for number, (x, y) in enumerate(pieces):
            rows = np.ascontiguousarray(x.detach().cpu().numpy() if isinstance(x, Tensor) else x)
            scene = (rows.shape[1:], str(rows.dtype))
            if scene[1] not in _KINDS:
                raise DataError(f"{name}: piece {number} holds {scene[1]}. Give uint8, float16 or float32.")
            if first is not None and scene != first:
                raise DataError(f"{name}: rows of piece {number} are {scene[1]} {scene[0]}, those before {first[1]} {first[0]}.")
            y = np.asarray(y.cpu() if isinstance(y, Tensor) else y).astype(np.int64)
            if y.shape != (len(rows),):
                raise DataError(f"{name}: {len(rows)} rows of piece {number} came with labels of shape {y.shape}. Give one each.")
            file.write(rows.data)
            labels.append(y)
            first = scene
    if first is None or not sum(map(len, labels)):
        raise DataError(f"{name} holds no rows. Give at least one of each class.")
    return np.concatenate(labels), first[0], first[1]


def open_store(folder: str | Path) -> ClassIndex:
    """The index of a store that `write_store` wrote; no row is read.

    Raises:
        DataError: there is no whole store, or one of a newer version.
    """
    folder = Path(folder)
    try:
        found = json.loads((folder / "store.json").read_text())
        labels = torch.from_numpy(np.load(folder / "labels.npy"))
        shape, kind, classes = found["shape"], found["kind"], tuple(found["classes"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} holds no whole store ({error}). Write one with datasets.write_store.") from error
    if found["version"] > _VERSION:
        raise DataError(f"{folder} was written by a newer quickstudy. Update it: pip install --upgrade quickstudy")
    return ClassIndex(MappedRows(folder / "rows.bin", shape, kind), labels, classes, found["name"])


def pieces_of(index: ClassIndex, rows: int = 1000) -> Iterator[tuple[Tensor, Tensor]]:
    """An index in pieces for `write_store`, ``rows`` at a time, in their own kind of numbers.

    >>> index = ClassIndex(torch.arange(6).view(6, 1).byte(), torch.tensor([0, 0, 0, 1, 1, 1]), ("a", "b"))
    >>> [(len(x), x.dtype) for x, y in pieces_of(index, 4)]
    [(4, torch.uint8), (2, torch.uint8)]
    """
    for numbers in torch.split(torch.arange(len(index)), rows):
        yield (index.x[numbers] if isinstance(index.x, Tensor) else index.x.gather(numbers)), index.labels[numbers]
