"""Feature caches: the features of each row of an index, computed once and stored on disk.

A feature cache's name is a hash of the encoder (weights, statistics, architecture), of the rows and of the kind of numbers, so
other weights or other data have another feature cache.

CACHE/rows.bin       the features, one row after another
CACHE/pieces.jsonl   while it is being written: rows and checksum of each piece, so that an interrupted cache can be completed
CACHE/cache.json      shape and kind of a row, the pieces with their checksums; written last, so that half a feature cache is none
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoding import Encoding, encoding
from quickstudy.datasets.fetch import cache_folder
from quickstudy.datasets.held_rows import Part, part_of
from quickstudy.datasets.mapped_rows import MappedRows, RowLayout
from quickstudy.datasets.store import pieces_of
from quickstudy.errors import DataError
from quickstudy.functional.tree import leaves
from quickstudy.storage.blueprint import Recorded, blueprint
from quickstudy.storage.files import locked, read_json, write_whole
from quickstudy.storage.plain_json import parsed

__all__ = ["FeatureRows", "cache_key", "encoded", "unencoded"]

_KINDS = {torch.float32: "float32", torch.float16: "float16"}


def encoded(
    index: ClassIndex,
    encoder: nn.Module,
    *,
    folder: str | Path | None = None,
    batch: int = 100,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
    progress: Callable[[int, int], None] | None = None,
) -> ClassIndex:
    """The same classes with an encoder's features for rows: heads are trained and evaluated on them alone.

    Each row is encoded once, in eval mode and without a graph; the same call again, in any process, reads the cache. It is
    checked as a whole, and a few of its rows against the encoder, each time it is opened; a damaged cache is computed anew. A
    call that was broken off is gone on with.

    Args:
        index: rows and their classes.
        encoder: any network from rows (R, …) to features (R, D) or (R, channels, height, width); it is left as it is.
        folder: for caches; by default "features" in the cache (`QUICKSTUDY_CACHE`).
        batch: rows that are encoded at once.
        device: to encode on; by default where the encoder is.
        dtype: of the numbers on disk, float32 or float16 (half the disk, features are float32 when gathered).
        progress: called with (rows done, rows); by default a bar is shown in a terminal if it takes long.

    Raises:
        LearnerError: features that change from call to call (active dropout) or depend on the other rows (batch statistics).
        ShapeError: the encoder's output is no tensor with a row for each row.
        DataError: features that are NaN or infinite, a folder that cannot be written to.

    >>> import tempfile
    >>> index = ClassIndex(torch.eye(4), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = encoded(index, nn.Linear(4, 2), folder=folder)
    ...     cache, cache.gather(torch.tensor([3, 0])).shape
    (ClassIndex(data, features of Linear: 4 rows of 2 classes), torch.Size([2, 2]))
    """
    if dtype not in _KINDS:
        raise DataError(f"dtype={dtype}: a feature cache holds torch.float32 or torch.float16.")
    if batch < 1:
        raise DataError(f"batch={batch}: encode at least one row at once.")
    home = cache_folder() / "features" if folder is None else Path(folder)
    with encoding(index, encoder, device, dtype) as work:
        words = re.sub(r"[^A-Za-z0-9]+", "-", index.name).strip("-")[:40]
        cache = _Cache(home / f"{words}-{cache_key(index, encoder, dtype)}", work)
        try:
            home.mkdir(parents=True, exist_ok=True)
            with locked(home / f".{cache.path.name}.lock"):
                if not cache.whole():
                    cache.write(batch, progress)
        except OSError as error:
            raise DataError(
                f"{home} cannot be written to ({error.strerror}). Choose another folder, or free its disk; what is done is kept."
            ) from error
    name = f"{index.name}, features of {_title(encoder)}"
    return replace(index, x=FeatureRows(cache.path, work.shape, _KINDS[dtype], index), name=name, reads=None)


def _title(encoder: nn.Module) -> str:
    """The name of a pretrained backbone, else the class, of what a frozen encoder holds."""
    inside = getattr(encoder, "encoder", encoder)
    named = getattr(inside, "name", None)
    return named if isinstance(named, str) else type(inside).__name__


def unencoded(index: ClassIndex) -> ClassIndex:
    """The rows that `encoded` was given: the same numbers of rows and classes, so that a plan of tasks fits both.

    Raises:
        DataError: these rows are no features of `encoded`.
    """
    rows = index.x.rows if isinstance(index.x, Part) else index.x
    if not isinstance(rows, FeatureRows) or rows.origin is None:
        raise DataError(f"{index.name} holds no features of datasets.encoded, so there are no rows before an encoder.")
    x = part_of(rows.origin.x, index.x.chosen) if isinstance(index.x, Part) else rows.origin.x
    return replace(index, x=x, reads=rows.origin.reads)


class FeatureRows:
    """Rows of a feature cache, read on demand, in float32.

    Args:
        path: of the cache.
        shape: of a row.
        kind: of its numbers on disk.
        origin: the index of the rows before the encoder.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], kind: str, origin: ClassIndex | None = None) -> None:
        self.path, self.origin = path, origin
        self.rows = MappedRows(path / "rows.bin", RowLayout.of_tensor(shape, kind))

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, rows: Tensor) -> Tensor:
        """Copies of rows by number (1-D)."""
        found: Tensor = self.rows.gather(rows)
        return found.float()


def cache_key(index: ClassIndex, encoder: nn.Module, dtype: torch.dtype = torch.float32) -> str:
    """The hash that names a feature cache: of the encoder's weights, statistics and architecture, all rows, and the dtype."""
    found = hashlib.sha256(f"{encoder!r}{dtype}{index.reads!r}".encode())
    for name, module in encoder.named_modules():
        call = json.dumps(blueprint(module)) if isinstance(module, Recorded) else ""
        found.update(f"{name}:{type(module).__module__}.{type(module).__qualname__}:{call};".encode())
    for name, tensor in [*encoder.named_parameters(), *encoder.named_buffers()]:
        found.update(name.encode())
        found.update(_bytes(tensor))
    for x, _ in pieces_of(index):
        for leaf in leaves(x):
            found.update(_bytes(leaf))
    return found.hexdigest()[:24]


def _bytes(tensor: Tensor) -> bytes:
    plain = tensor.detach().cpu().contiguous()
    scene = f"{tuple(plain.shape)}{plain.dtype}".encode()
    return scene + (plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b"")


@dataclass
class _Cache:
    """The folder of one cache."""

    path: Path
    encoding: Encoding

    @property
    def row_bytes(self) -> int:
        return self.encoding.probe[0].numel() * self.encoding.dtype.itemsize

    def whole(self) -> bool:
        """Whether all is there, as it was written, and as the encoder would write it."""
        pieces = self._pieces() if (self.path / "cache.json").exists() else []
        count = len(self.encoding.index)
        if not pieces or sum(rows for rows, _ in pieces) != count or self._kept(pieces) != len(pieces):
            return False
        return (self.path / "rows.bin").stat().st_size == count * self.row_bytes

    def _pieces(self) -> list[tuple[int, str]]:
        """Rows and checksum of each piece, of a whole cache or of one that was begun; lines that were cut off are left out."""
        found: list[tuple[int, str]] = []
        with contextlib.suppress(OSError, ArithmeticError, ValueError, KeyError, TypeError):
            if (self.path / "cache.json").exists():
                return [(int(rows), str(checksum)) for rows, checksum in read_json(self.path / "cache.json")["pieces"]]
            for line in (self.path / "pieces.jsonl").read_text().splitlines():
                rows, checksum = parsed(line)
                found.append((int(rows), str(checksum)))
        return found

    def _kept(self, pieces: list[tuple[int, str]]) -> int:
        """How many pieces, from the first on, are on disk as they were written; none if the encoder would write others."""
        number = done = 0
        with contextlib.suppress(OSError), (self.path / "rows.bin").open("rb") as file:
            for rows, checksum in pieces:
                if hashlib.sha256(file.read(rows * self.row_bytes)).hexdigest() != checksum:
                    break
                number, done = number + 1, done + rows
        if done == 0:
            return 0
        probed = self.encoding.probed[self.encoding.probed < done]
        shape = (done, *self.encoding.shape)
        rows_on_disk = np.memmap(self.path / "rows.bin", _KINDS[self.encoding.dtype], mode="r", shape=shape)
        return number if self.encoding.agrees(probed, torch.from_numpy(rows_on_disk[probed.numpy()])) else 0

    def write(self, batch: int, progress: Callable[[int, int], None] | None) -> None:
        """Computes what is not there yet; cache.json comes last."""
        self.path.mkdir(parents=True, exist_ok=True)
        for name in ("rows.bin", "pieces.jsonl"):
            if (self.path / name).is_symlink():  # what it names is not ours
                (self.path / name).unlink()
        pieces = self._pieces()
        pieces = pieces[: self._kept(pieces)]
        done = sum(rows for rows, _ in pieces)
        (self.path / "rows.bin").touch()
        with (self.path / "rows.bin").open("r+b") as file:
            file.truncate(done * self.row_bytes)
        write_whole(self.path / "pieces.jsonl", "".join(json.dumps(piece) + "\n" for piece in pieces).encode())
        (self.path / "cache.json").unlink(missing_ok=True)
        with (self.path / "rows.bin").open("ab") as file, (self.path / "pieces.jsonl").open("a") as log:
            for features in self.encoding.pieces(done, batch, progress):
                content = features.numpy().tobytes()
                file.write(content)
                file.flush()
                pieces.append((len(features), hashlib.sha256(content).hexdigest()))
                log.write(json.dumps(pieces[-1]) + "\n")
                log.flush()
        found = {"shape": list(self.encoding.shape), "kind": _KINDS[self.encoding.dtype], "pieces": pieces}
        write_whole(self.path / "cache.json", json.dumps(found).encode())
        (self.path / "pieces.jsonl").unlink()
