"""Pictures from elsewhere, brought to the size and channels a learner was trained on: other domains to be judged on."""

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Rows
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.pictures import Pictures
from quickstudy.errors import DataError

__all__ = ["image_zip", "picture_domain", "redrawn"]


def picture_domain(data: str, pictures: Pictures) -> ClassIndex:
    """Classes of pictures by name or place, as a learner sees them that was trained on ``pictures``.

    Args:
        data: "glyphs" or "omniglot" (the meta-test classes), a folder of class folders, or a ZIP file of such folders.
        pictures: of the learner, its ``learner.pictures``.

    Raises:
        DataError: there is nothing of that name, or it holds no pictures.
    """
    if data == "glyphs":
        return redrawn(glyphs().test, pictures)
    if data == "omniglot":
        return redrawn(omniglot(split="vinyals").test, pictures)
    path = Path(data)
    if path.is_dir():
        return image_folder(path, pictures=pictures)
    if path.is_file():
        return image_zip(path, pictures)
    raise DataError(f'"{data}" holds no pictures. Give glyphs, omniglot, a folder of class folders, or a ZIP file of them.')


def redrawn(index: ClassIndex, pictures: Pictures) -> ClassIndex:
    """The same pictures in another size, number of channels and manner; each is converted when it is read.

    Raises:
        DataError: the rows are no pictures.

    >>> index = ClassIndex(torch.rand(4, 1, 9, 9), torch.tensor([0, 0, 1, 1]), ("a", "b"), pictures=Pictures((9, 9)))
    >>> redrawn(index, Pictures((32, 32), channels=3, ink=False)).gather(torch.arange(2)).shape
    torch.Size([2, 3, 32, 32])
    """
    if index.pictures == pictures:
        return index
    if index.pictures is None:
        raise DataError(f"{index.name} does not hold pictures, so its rows have no other size. Choose data of pictures.")
    return replace(index, x=_Redrawn(index, pictures), pictures=pictures)


@dataclass(frozen=True)
class _Redrawn(Rows):
    """Pictures converted when they are asked for."""

    index: ClassIndex
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.index)

    def gather(self, rows: Tensor) -> Tensor:
        found = (self.index.gather(rows).clamp(0, 1) * 255).round().to(torch.uint8)
        arrays = [picture[0] if len(picture) == 1 else picture.permute(1, 2, 0) for picture in found]
        return torch.stack([self.pictures(array.numpy()) for array in arrays])


def image_zip(path: str | Path, pictures: Pictures, name: str | None = None) -> ClassIndex:
    """A ZIP file of class folders of pictures, held in memory.

    Args:
        path: the file; each picture's folder is its class, hidden files are passed over.
        pictures: how each picture becomes a row.
        name: used in messages and reports; the file's by default.

    Raises:
        DataError: no ZIP file, no class folders, a file that is no picture.
    """
    rows: list[Tensor] = []
    labels: list[str] = []
    try:
        with zipfile.ZipFile(path) as pack:
            for member in sorted(pack.namelist()):
                place = Path(member)
                if member.endswith("/") or place.name.startswith(".") or "__MACOSX" in place.parts or len(place.parts) < 2:
                    continue
                try:
                    rows.append((pictures(pack.read(member)) * 255).round().to(torch.uint8))
                except DataError as error:
                    raise DataError(f"{member} in {path}: {error}") from error
                labels.append(place.parent.as_posix())
    except (zipfile.BadZipFile, zlib.error, OSError) as error:
        raise DataError(f"{path} cannot be read as a ZIP file ({error}). Give a folder of class folders.") from error
    if not rows:
        raise DataError(f"{path} holds no class folders of pictures. Put the pictures of each class into a folder: cat/1.jpg.")
    classes = sorted(set(labels))
    numbers = torch.tensor([classes.index(label) for label in labels])
    return ClassIndex(torch.stack(rows), numbers, tuple(classes), name or Path(path).stem, pictures=pictures)
