"""Images from elsewhere, brought to the size and channels a learner was trained on: other domains to be evaluated on."""

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
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["image_domain", "image_zip", "redrawn"]


def image_domain(data: str, reads: Images) -> ClassIndex:
    """Classes of images by name or place, as a learner sees them that was trained on ``images``.

    Args:
        data: "glyphs" or "omniglot" (the meta-test classes), a folder of class folders, or a ZIP file of such folders.
        images: of the learner, its ``learner.reads``.

    Raises:
        DataError: there is nothing of that name, or it holds no images.
    """
    if data == "glyphs":
        return redrawn(glyphs().test, reads)
    if data == "omniglot":
        return redrawn(omniglot(split="vinyals").test, reads)
    path = Path(data)
    if path.is_dir():
        return image_folder(path, reads=reads)
    if path.is_file():
        return image_zip(path, reads)
    raise DataError(f'"{data}" holds no images. Give glyphs, omniglot, a folder of class folders, or a ZIP file of them.')


def redrawn(index: ClassIndex, reads: Images) -> ClassIndex:
    """The same images in another size, number of channels and setting; each is converted when it is read.

    Raises:
        DataError: the rows are no images.

    >>> index = ClassIndex(torch.rand(4, 1, 9, 9), torch.tensor([0, 0, 1, 1]), ("a", "b"), reads=Images((9, 9)))
    >>> redrawn(index, Images((32, 32), channels=3, strokes=False)).gather(torch.arange(2)).shape
    torch.Size([2, 3, 32, 32])
    """
    if index.reads == reads:
        return index
    if index.reads is None:
        raise DataError(f"{index.name} does not hold images, so its rows have no other size. Choose data of images.")
    return replace(index, x=_Redrawn(index, reads), reads=reads)


@dataclass(frozen=True)
class _Redrawn(Rows):
    """Images converted when they are asked for."""

    index: ClassIndex
    reads: Images

    def __len__(self) -> int:
        return len(self.index)

    def gather(self, rows: Tensor) -> Tensor:
        found = (self.index.gather(rows).clamp(0, 1) * 255).round().to(torch.uint8)
        arrays = [image[0] if len(image) == 1 else image.permute(1, 2, 0) for image in found]
        return torch.stack([self.reads(array.numpy()) for array in arrays])


def image_zip(path: str | Path, reads: Images, name: str | None = None) -> ClassIndex:
    """A ZIP file of class folders of images, held in memory.

    Args:
        path: the file; each image's folder is its class, hidden files are passed over.
        reads: how each image becomes a row.
        name: used in messages and reports; the file's by default.

    Raises:
        DataError: no ZIP file, no class folders, a file that is no image.
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
                    rows.append((reads(pack.read(member)) * 255).round().to(torch.uint8))
                except DataError as error:
                    raise DataError(f"{member} in {path}: {error}") from error
                labels.append(place.parent.as_posix())
    except (zipfile.BadZipFile, zlib.error, OSError) as error:
        raise DataError(f"{path} cannot be read as a ZIP file ({error}). Give a folder of class folders.") from error
    if not rows:
        raise DataError(f"{path} holds no class folders of images. Put the images of each class into a folder: cat/1.jpg.")
    classes = sorted(set(labels))
    numbers = torch.tensor([classes.index(label) for label in labels])
    return ClassIndex(torch.stack(rows), numbers, tuple(classes), name or Path(path).stem, reads=reads)
