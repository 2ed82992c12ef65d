"""Images converted to the size and channels that a learner was trained on."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Rows
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["redrawn"]


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
