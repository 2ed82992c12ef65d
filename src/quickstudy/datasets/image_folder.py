"""A folder of class folders with images, of any size and mode, as an index of classes."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["image_folder"]

_log = logging.getLogger("quickstudy")
_IN_MEMORY = 2**30


def image_folder(
    path: str | Path,
    *,
    reads: Images = Images(size=(84, 84), channels=3, strokes=False),  # noqa: B008  a frozen record
    on_error: Literal["raise", "skip"] = "raise",
    name: str | None = None,
) -> ClassIndex:
    """Class folders of images: ``path/cat/1.jpg``, ``path/dog/scan.png`` …

    Files that start with a dot are passed over. Up to 1 GiB of images is held in memory, more is read on demand.

    Args:
        path: the folder of class folders.
        reads: how each image becomes a row; `Images` of 28×28 strokes suits learners trained on characters.
        on_error: "skip" leaves broken images out (each is named in the log of the name ``quickstudy``).
        name: used in messages and reports; the folder's name by default.

    Raises:
        DataError: no folder, no class folders, a class without images, a file that is no image.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder that holds one folder of images for each class.")
    folders = sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))
    if not folders:
        raise DataError(f"{root} holds no class folders. Put the images of each class into a folder: {root}/cat/1.jpg.")
    files = [[file for file in sorted(f.iterdir()) if file.is_file() and not file.name.startswith(".")] for f in folders]
    large = sum(map(len, files)) * reads.channels * reads.size[0] * reads.size[1] > _IN_MEMORY
    found: list[Path] = []
    labels: list[int] = []
    rows: list[Tensor] = []
    for number, folder in enumerate(folders):
        for file in files[number]:
            row = _row(file, reads, on_error)
            if row is not None:
                found.append(file)
                labels.append(number)
                rows += [] if large else [row]
        if labels[-1:] != [number]:
            raise DataError(f"{folder} holds no images. Put at least one into it, or remove the folder.")
    x = _Files(tuple(found), reads) if large else torch.stack(rows)
    return ClassIndex(x, torch.tensor(labels), tuple(f.name for f in folders), name or root.resolve().name, reads=reads)


def _row(file: Path, reads: Images, on_error: str) -> Tensor | None:
    """The image as uint8; None if it is broken and may be left out."""
    try:
        return (reads(file) * 255).round().to(torch.uint8)
    except DataError as error:
        if on_error == "raise":
            raise DataError(f'{error} (With on_error="skip" the others are kept.)') from error
        _log.warning("left out: %s", error)
        return None


@dataclass(frozen=True)
class _Files:
    """Images on disk, decoded when asked for."""

    files: tuple[Path, ...]
    reads: Images

    def __len__(self) -> int:
        return len(self.files)

    def gather(self, rows: Tensor) -> Tensor:
        return torch.stack([self.reads(self.files[int(row)]) for row in rows])
