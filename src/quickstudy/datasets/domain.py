"""Images of other domains, converted to the size and channels that a learner was trained on."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import torch
from PIL import Image
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Rows
from quickstudy.datasets.class_names import report_near_names
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_reading import ImageReading, OnError
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.zip_file import open_zip
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded
from quickstudy.inputs.images import Images

__all__ = ["image_domain", "image_zip", "redrawn"]

_IN_MEMORY = 2**30


def image_domain(data: str, reads: Images) -> ClassIndex:
    """Classes of images by name or path, read as a trained learner reads images.

    Args:
        data: "glyphs" or "omniglot" (the meta-test classes), a folder of class folders, or a ZIP file of such folders.
        reads: how the learner reads images, its ``learner.reads``.

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
    if not isinstance(index.reads, Images):
        raise DataError(f"{index.name} does not hold images, so its rows have no other size. Choose data of images.")
    return replace(index, x=_Redrawn(index, reads), reads=reads)


@dataclass(frozen=True)
class _Redrawn(Rows):
    """Images that are converted on demand."""

    index: ClassIndex
    reads: Images

    def __len__(self) -> int:
        return len(self.index)

    def gather(self, rows: Tensor) -> Tensor:
        found = (self.index.gather(rows).clamp(0, 1) * 255).round().to(torch.uint8)
        arrays = [image[0] if len(image) == 1 else image.permute(1, 2, 0) for image in found]
        return torch.stack([self.reads(array.numpy()) for array in arrays])


def image_zip(
    path: str | Path,
    reads: Images = Images(size=(84, 84), channels=3, strokes=False),  # noqa: B008  a frozen record
    name: str | None = None,
    *,
    on_error: OnError = "raise",
) -> ClassIndex:
    """A ZIP file of class folders of images, held in memory.

    Args:
        path: the file; each image's folder is its class, hidden files are passed over.
        reads: how each image becomes a row, as in `image_folder`.
        name: used in messages and reports; the file's by default.
        on_error: "skip" leaves broken images out (each is named in the log); otherwise all of them are named together.

    Raises:
        DataError: no ZIP file, no class folders, files that are no images or too large, more than memory should hold.
    """
    reading = ImageReading(reads, on_error)
    labels: list[str] = []
    with open_zip(path) as (members, read):
        for member in members:
            place = PurePosixPath(member)
            if member.endswith("/") or place.name.startswith(".") or "__MACOSX" in place.parts or len(place.parts) < 2:
                continue
            if reading.add(_member(read, member, path)):
                labels.append(place.parent.as_posix())
            if len(labels) * math.prod(reads.shape) > _IN_MEMORY:
                raise DataError(f"{path} holds more than {_IN_MEMORY:,} bytes of images. Unpack it, and call image_folder.")
    reading.check(str(path))
    if not labels:
        raise DataError(f"{path} holds no class folders of images. Put the images of each class into a folder: cat/1.jpg.")
    classes = sorted(set(labels))
    number = {label: place for place, label in enumerate(classes)}
    numbers = torch.tensor([number[label] for label in labels])
    index = ClassIndex(reading.rows(), numbers, tuple(classes), name or Path(path).stem, reads=reads)
    report_near_names(classes, str(path))
    return index


def _member(read: Callable[[str], bytes], member: str, path: str | Path) -> Callable[[], Image.Image]:
    """Opens one image; an error names it."""

    def opened() -> Image.Image:
        content = read(member)
        try:
            return decoded(content)
        except DataError as error:
            raise DataError(f"{member} in {path}: {error}") from error

    return opened
