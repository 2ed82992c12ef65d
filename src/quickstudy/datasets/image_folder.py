"""A folder of class folders with pictures, of any size and mode, as an index of classes."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.pictures import Pictures
from quickstudy.errors import DataError

__all__ = ["image_folder"]

_log = logging.getLogger("quickstudy")
_IN_MEMORY = 2**30


def image_folder(
    path: str | Path,
    *,
    pictures: Pictures = Pictures(size=(84, 84), channels=3, ink=False),  # noqa: B008  a frozen record
    on_error: Literal["raise", "skip"] = "raise",
    name: str | None = None,
) -> ClassIndex:
    """Class folders of pictures: ``path/cat/1.jpg``, ``path/dog/scan.png`` …

    Files that start with a dot are passed over. Up to 1 GiB of pictures is held in memory, more is read on demand.

    Args:
        path: the folder of class folders.
        pictures: how each picture becomes a row; `Pictures` of 28×28 ink suits learners trained on characters.
        on_error: "skip" leaves broken pictures out (each is named in the log of the name ``quickstudy``).
        name: used in messages and reports; the folder's name by default.

    Raises:
        DataError: no folder, no class folders, a class without pictures, a file that is no picture.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder that holds one folder of pictures for each class.")
    folders = sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if not folders:
        raise DataError(f"{root} holds no class folders. Put the pictures of each class into a folder: {root}/cat/1.jpg.")
    files = [[file for file in sorted(f.iterdir()) if file.is_file() and not file.name.startswith(".")] for f in folders]
    large = sum(map(len, files)) * pictures.channels * pictures.size[0] * pictures.size[1] > _IN_MEMORY
    found: list[Path] = []
    labels: list[int] = []
    rows: list[Tensor] = []
    for number, folder in enumerate(folders):
        for file in files[number]:
            row = _row(file, pictures, on_error)
            if row is not None:
                found.append(file)
                labels.append(number)
                rows += [] if large else [row]
        if labels[-1:] != [number]:
            raise DataError(f"{folder} holds no pictures. Put at least one into it, or remove the folder.")
    x = _Files(tuple(found), pictures) if large else torch.stack(rows)
    return ClassIndex(x, torch.tensor(labels), tuple(f.name for f in folders), name or root.resolve().name, pictures=pictures)


def _row(file: Path, pictures: Pictures, on_error: str) -> Tensor | None:
    """The picture as uint8; None if it is broken and may be left out."""
    try:
        return (pictures(file) * 255).round().to(torch.uint8)
    except DataError as error:
        if on_error == "raise":
            raise DataError(f'{error} (With on_error="skip" the others are kept.)') from error
        _log.warning("left out: %s", error)
        return None


@dataclass(frozen=True)
class _Files:
    """Pictures on disk, decoded when asked for."""

    files: tuple[Path, ...]
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.files)

    def gather(self, rows: Tensor) -> Tensor:
        return torch.stack([self.pictures(self.files[int(row)]) for row in rows])
