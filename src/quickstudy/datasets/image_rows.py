"""Which arrays of whole numbers are images, and the reader that goes with them to every door."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["image_rows", "kept", "reader_of"]

_COLOURS = {1: 1, 2: 1, 3: 3, 4: 3}
"""Channels of an array, and of what it is read as: transparent parts become white."""


def reader_of(shape: Sequence[int], dtype: torch.dtype, name: str, *, last: bool = False) -> tuple[Images, int | None] | None:
    """The reader of rows of pixels and the axis of an image that holds its channels; None where rows are no images.

    Images are 8- or 16-bit values (H, W), (1 or 3, H, W) or (H, W, 1 to 4); rows of one axis are numbers.

    Args:
        shape: of ONE row.
        dtype: of the rows.
        name: of the data, for messages.
        last: whether a shape that would be both, (3, H, 3), has its channels last, as arrays do.

    Raises:
        DataError: 8-bit values of three axes that are no channels.

    >>> reader_of((28, 28), torch.uint8, "digits")
    (Images(size=(28, 28), channels=1, strokes=False), None)
    """
    if dtype not in (torch.uint8, torch.uint16) or len(shape) not in (2, 3) or 0 in shape:
        return None
    if len(shape) == 2:
        return Images((shape[0], shape[1]), 1, strokes=False), None
    order = (2, 0) if last else (0, 2)
    for axis in order:
        if shape[axis] in ((1, 3) if axis == 0 else _COLOURS):
            size = (shape[1], shape[2]) if axis == 0 else (shape[0], shape[1])
            return Images(size, _COLOURS[shape[axis]], strokes=False), axis
    raise DataError(
        f"{name}: {str(dtype).removeprefix('torch.')} rows of shape {tuple(shape)} are no images of 1 or 3 channels. Give "
        "(3, H, W) or (H, W, 3); for other bands give decimal numbers, for example divided by 255."
    )


def image_rows(x: Tensor, name: str, *, last: bool = False) -> tuple[Tensor, Images | None]:
    """Rows as their reader gives them, (R, channels, H, W), with the reader; rows that are no images as they are, with None.

    >>> rows, reads = image_rows(torch.zeros(5, 9, 8, 3, dtype=torch.uint8), "photos")
    >>> rows.shape, rows.dtype, reads
    (torch.Size([5, 3, 9, 8]), torch.uint8, Images(size=(9, 8), channels=3, strokes=False))
    """
    found = reader_of(x.shape[1:], x.dtype, name, last=last)
    if found is None:
        return x, None
    reads, axis = found
    rows = x[:, None] if axis is None else x.movedim(3, 1) if axis == 2 else x
    if rows.dtype == torch.uint8 and rows.shape[1] == reads.channels:
        return rows.contiguous(), reads
    each = rows.movedim(1, 3)
    return kept(torch.stack([reads(image) for image in each])), reads


def kept(read: Tensor) -> Tensor:
    """Images once read as 8-bit values, a quarter of the memory, where nothing is lost; else as they are."""
    whole = (read * 255).round()
    small = whole.to(torch.uint8)
    return small if torch.equal(small.to(read.dtype).div_(255), read) else read
