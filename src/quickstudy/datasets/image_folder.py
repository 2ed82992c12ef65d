"""A folder of class folders with images, of any size and mode, as an index of classes."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.class_names import check_names, report_near_names
from quickstudy.datasets.image_reading import ImageReading, OnError
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["image_folder"]

_IN_MEMORY = 2**30
_LEFT_BEHIND = ("Thumbs.db", "desktop.ini")


def image_folder(
    path: str | Path,
    *,
    reads: Images = Images(size=(84, 84), channels=3, strokes=False),  # noqa: B008  a frozen record
    on_error: OnError = "raise",
    name: str | None = None,
) -> ClassIndex:
    """Class folders of images: ``path/cat/1.jpg``, ``path/dog/scan.png`` …

    Files that start with a dot are passed over. Up to 1 GiB of images is held in memory, more is read on demand.

    Args:
        path: the folder of class folders.
        reads: how each image becomes a row; `Images` of 28×28 strokes suits learners trained on characters.
        on_error: "skip" leaves broken images out (each is named in the log of the name ``quickstudy``); otherwise all of them
            are named together.
        name: used in messages and reports; the folder's name by default.

    Raises:
        DataError: no folder, no class folders, a class without images, names that are nearly one, files that are no images.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder that holds one folder of images for each class.")
    folders = [entry for entry in _entries(root) if entry.is_dir()]
    if not folders:
        raise DataError(f"{root} holds no class folders. Put the images of each class into a folder: {root}/cat/1.jpg.")
    names = [folder.name for folder in folders]
    check_names(names, str(root))
    files = [_entries(folder) for folder in folders]
    large = sum(map(len, files)) * reads.channels * reads.size[0] * reads.size[1] > _IN_MEMORY
    reading = ImageReading(reads, on_error, keep=not large)
    found: list[Path] = []
    labels: list[int] = []
    for number, entries in enumerate(files):
        for file in entries:
            if reading.add(partial(Path, file)):
                found.append(file)
                labels.append(number)
    reading.check(str(root))
    filled = set(labels)
    for number, folder in enumerate(folders):
        if number not in filled:
            inside = any(entry.is_dir() for entry in files[number])
            hint = (
                f"Give {folder}, if its folders are the classes." if inside else "Put at least one into it, or remove the folder."
            )
            raise DataError(f"{folder} holds no images. {hint}")
    x = _Files(tuple(found), reads) if large else reading.rows()
    index = ClassIndex(x, torch.tensor(labels), tuple(names), name or root.resolve().name, reads=reads)
    report_near_names(names, str(root))
    return index


def _entries(folder: Path) -> list[Path]:
    """The content of a folder without hidden files and system files."""
    try:
        return [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".") and entry.name not in _LEFT_BEHIND]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}). Change its permissions, or leave it out.") from error


@dataclass(frozen=True)
class _Files:
    """Images on disk, decoded on demand."""

    files: tuple[Path, ...]
    reads: Images

    def __len__(self) -> int:
        return len(self.files)

    def gather(self, rows: Tensor) -> Tensor:
        return torch.stack([self.reads(self.files[int(row)]) for row in rows])
