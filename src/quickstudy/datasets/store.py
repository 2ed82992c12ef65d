"""Rows on disk, mapped into memory: data larger than memory; only the rows of a task are read, and checked.

STORE/rows.bin      the rows, one after another
STORE/hashes.npy    the hash of each row: a row is compared with it when it is first read
STORE/labels.npy    the class number of each, and STORE/groups.npy its group, if rows have groups
STORE/store.json    shape and kind of a row, names, reader, checksums of all this; written last, so that half a store is none
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.held_rows import taken
from quickstudy.datasets.image_rows import image_rows, kept
from quickstudy.datasets.mapped_rows import KINDS, REMEDY, MappedRows, RowLayout
from quickstudy.datasets.row_hashes import tree_hashes
from quickstudy.errors import DataError
from quickstudy.functional.tree import leading, map_leaves
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.kinds import input_kind
from quickstudy.storage.files import read_json, write_whole
from quickstudy.task import Inputs

__all__ = ["open_store", "pieces_of", "write_store"]

_VERSION = 3
_OLDEST = 2


def write_store(
    folder: str | Path,
    pieces: ClassIndex | Iterable[tuple[Any, Any]],
    classes: Sequence[str] | None = None,
    *,
    name: str | None = None,
    reads: InputKind | None = None,
) -> ClassIndex:
    """Writes rows and labels, piece by piece, to ``folder``, and opens them.

    Args:
        folder: of the store; a store that is there is written over.
        pieces: an index, of which all is kept (reader, groups and families too); or rows (R, …) as
            tensors, arrays or dictionaries of them, with their class numbers (R,); all rows of one shape and kind (8-bit and
            whole numbers, float16, float32), any number in a piece.
        classes: names of the classes, in order of their numbers; an index has its own.
        name: of the data, used in messages and reports.
        reads: how a raw thing becomes a row, where rows are images once read, say. 8-bit rows in the shape of images,
            (H, W), (3, H, W) or (H, W, 3), have a reader by themselves, as in `from_arrays`.

    Raises:
        DataError: the folder cannot be written to, pieces of different shapes or kinds, a label without a name, a class without
            rows, or no row at all.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_store(folder, [(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1]))], ("a", "b"))
    ClassIndex(data: 4 rows of 2 classes)
    """
    folder = Path(folder)
    more: dict[str, Any] = {}
    if isinstance(pieces, ClassIndex):
        index, pieces = pieces, pieces_of(pieces)
        classes, name, reads = index.classes, name or index.name, index.reads
        more = {"group_names": list(index.group_names), "families": list(index.families)}
        groups = index.groups
    else:
        groups = None
    if classes is None:
        raise DataError("write_store needs the names of the classes, in the order of their numbers: classes=…")
    name = name or "data"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "store.json").unlink(missing_ok=True)
        (folder / "groups.npy").unlink(missing_ok=True)
        (folder / "rows.bin").unlink(missing_ok=True)  # a link is not followed, and who maps the old rows keeps them
        writing = _Writing(name, reads, laid=bool(more))
        labels, hashes = writing.all(folder / "rows.bin", pieces)
        for table, values in (("labels", labels), ("hashes", hashes), ("groups", None if groups is None else groups.numpy())):
            if values is not None:
                content = io.BytesIO()
                np.save(content, values)
                write_whole(folder / f"{table}.npy", content.getvalue())
    except OSError as error:
        raise DataError(f"{folder} cannot be written to ({error.strerror}). Choose another folder, or free its disk.") from error
    found = {
        "version": _VERSION,
        "name": name,
        "layout": writing.layout.to_json(),
        "classes": list(classes),
        "reads": None if writing.reads is None else writing.reads.to_json(),
        "files": {file.name: _sum(file.read_bytes()) for file in sorted(folder.glob("*.npy")) if file.stem in _TABLES},
        **more,
    }
    found["checksum"] = _checksum(found)
    index = _index(folder, found)
    write_whole(folder / "store.json", json.dumps(found).encode())
    return index


_TABLES = ("labels", "hashes", "groups")


class _Writing:
    """What is learned of rows while they are written: one layout, one reader."""

    def __init__(self, name: str, reads: InputKind | None, *, laid: bool) -> None:
        self.name, self.reads, self.laid = name, reads, laid
        self.layout = RowLayout({}, ())

    def all(self, path: Path, pieces: Iterable[tuple[Any, Any]]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Labels and hashes of all rows."""
        labels, hashes = [], []
        with path.open("xb") as file:
            for number, (x, y) in enumerate(pieces):
                rows = self._rows(x, number)
                y = np.asarray(y.cpu() if isinstance(y, Tensor) else y).astype(np.int64)
                if y.shape != (leading(rows),):
                    raise DataError(
                        f"{self.name}: {leading(rows)} rows of piece {number} came with labels of shape {y.shape}. Give one each."
                    )
                file.write(self.layout.records(rows).data)
                labels.append(y)
                hashes.append(tree_hashes(rows, pixels=isinstance(self.reads, Images)))
        if not sum(map(len, labels)):
            raise DataError(f"{self.name} holds no rows. Give at least one of each class.")
        return np.concatenate(labels), np.concatenate(hashes)

    def _rows(self, x: Any, number: int) -> Inputs:
        if isinstance(x, Mapping):
            return self._laid_out(map_leaves(lambda leaf: torch.as_tensor(leaf).cpu(), dict(x)), number)
        rows = x.detach().cpu() if isinstance(x, Tensor) else x
        if isinstance(self.reads, Images) and not self.laid:
            rows = kept(self.reads.batch(rows)) if rows.shape[1:] != self.reads.shape else rows
        elif self.reads is not None and not self.laid:
            rows = self.reads.batch(rows)
        elif not self.laid and str(rows.dtype).removeprefix("torch.") == "uint8":
            rows, found = image_rows(torch.as_tensor(rows), self.name, last=not isinstance(x, Tensor))
            self.reads = found if number == 0 else self.reads
        return self._laid_out(map_leaves(torch.as_tensor, rows), number)

    def _laid_out(self, rows: Inputs, number: int) -> Inputs:
        layout = RowLayout.of(rows)
        for _, kind in layout.parts:
            if kind not in KINDS:
                raise DataError(f"{self.name}: piece {number} holds {kind}. Give one of {', '.join(KINDS)}.")
        if self.layout.parts and layout != self.layout:
            raise DataError(f"{self.name}: rows of piece {number} are {_said(layout)}, those before {_said(self.layout)}.")
        self.layout = layout
        return rows


def _said(layout: RowLayout) -> str:
    return " and ".join(f"{kind} {shape}" for shape, kind in layout.parts)


def open_store(folder: str | Path) -> ClassIndex:
    """The index of a store that `write_store` wrote. No row is read; each is checked when it first is.

    Raises:
        DataError: there is no complete store, one whose tables were changed, or one of another version.
    """
    folder = Path(folder)
    try:
        found = read_json(folder / "store.json")
        version = int(found["version"])
    except (OSError, ArithmeticError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{folder} holds no complete store ({error}). Write one with datasets.write_store.") from error
    if version > _VERSION:
        raise DataError(f"{folder} was written by a newer quickstudy. Update it: pip install --upgrade quickstudy")
    if version < _OLDEST:
        raise DataError(f"{folder} was written by quickstudy 0.1, without checksums. Write it again with datasets.write_store.")
    if found.get("checksum") != _checksum(found):
        raise DataError(f"{folder / 'store.json'} has changed since it was written. {REMEDY}")
    return _index(folder, found)


def _index(folder: Path, found: dict[str, Any]) -> ClassIndex:
    tables = {}
    for file, expected in found["files"].items():
        try:
            content = (folder / Path(file).name).read_bytes()
            if _sum(content) != expected:
                raise DataError(f"{folder / file} has changed since it was written. {REMEDY}")
            tables[Path(file).stem] = np.load(folder / Path(file).name, allow_pickle=False)
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{folder} holds no complete store ({error}). Write one with datasets.write_store.") from error
    groups, reads, layout = tables.get("groups"), input_kind(found["reads"]), _layout(found)
    return ClassIndex(
        MappedRows(folder / "rows.bin", layout, tables["hashes"], pixels=isinstance(reads, Images)),
        torch.from_numpy(tables["labels"]),
        tuple(found["classes"]),
        found["name"],
        None if groups is None else torch.from_numpy(groups),
        tuple(found.get("group_names", ())),
        reads,
        tuple(found.get("families", ())),
    )


def _layout(found: dict[str, Any]) -> RowLayout:
    """Of version 2, which held one tensor a row, too."""
    try:
        given = found.get("layout", {"skeleton": {"tensor": 0}, "parts": [[found.get("shape"), found.get("kind")]]})
        return RowLayout.from_json(given)
    except (ArithmeticError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"a store's rows are described wrongly ({error!r}). {REMEDY}") from error


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _checksum(found: dict[str, Any]) -> str:
    return _sum(json.dumps({key: value for key, value in found.items() if key != "checksum"}, sort_keys=True).encode())


def pieces_of(index: ClassIndex, rows: int = 1000) -> Iterator[tuple[Inputs, Tensor]]:
    """An index in pieces, ``rows`` at a time, in their own kind of numbers.

    >>> index = ClassIndex(torch.arange(6).view(6, 1).byte(), torch.tensor([0, 0, 0, 1, 1, 1]), ("a", "b"))
    >>> [(len(x), x.dtype) for x, y in pieces_of(index, 4)]
    [(4, torch.uint8), (2, torch.uint8)]
    """
    for numbers in torch.split(torch.arange(len(index)), rows):
        yield taken(index.x, numbers), index.labels[numbers]
