"""How an image becomes an input: a frozen record, saved with every learner and predictor and used everywhere."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape

__all__ = ["Images"]

_LARGEST = 4096
_ENOUGH = 4_000_000
_ROUNDING = 1e-4


@dataclass(frozen=True, init=False)
class Images(InputKind):
    """Turns an image of any size and mode into a tensor (channels, height, width) with values in [0, 1].

    8-bit values are divided by 255 and 16-bit ones by 65,535, whatever the image holds; decimal numbers lie in [0, 1] already.

    Args:
        size: height and width in pixels, or one number for both.
        channels: 1 for grey, 3 for colour.
        strokes: strokes become 1 on a background of 0, whichever is darker in the image; the background is the median of the
            border. The image is fitted into the square without changing its proportions.

    Raises:
        DataError: other channels, or a size that is no positive whole number.

    >>> pen = np.full((40, 20), 255, dtype=np.uint8); pen[10:30, 9:11] = 0
    >>> tensor = Images()(pen)
    >>> tensor.shape, float(tensor[0, 0, 0]), float(tensor.max()) > 0.5
    (torch.Size([1, 28, 28]), 0.0, True)
    """

    name: ClassVar[str] = "images"
    things: ClassVar[str] = "images"
    again: ClassVar[str] = "datasets.image_folder(path, reads=learner.reads), or datasets.redrawn(index, learner.reads)"

    size: tuple[int, int] = (28, 28)
    channels: int = 1
    strokes: bool = True

    def __init__(self, size: int | tuple[int, int] = (28, 28), channels: int = 1, strokes: bool = True) -> None:
        sides = tuple(size) if isinstance(size, tuple | list) else (size, size)
        whole = all(isinstance(side, int) and not isinstance(side, bool) and 1 <= side <= _LARGEST for side in sides)
        if len(sides) != 2 or not whole:
            raise DataError(f"size={size!r}: give height and width in pixels, as (84, 84), or one number from 1 to {_LARGEST}.")
        if channels not in (1, 3):
            raise DataError(f"images need 1 or 3 channels (grey or colour), not channels={channels!r}.")
        for name, value in (("size", sides), ("channels", channels), ("strokes", bool(strokes))):
            object.__setattr__(self, name, value)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image once read: channels, height, width."""
        return (self.channels, *self.size)

    def gives(self, rows: RowShape) -> bool:
        return rows.are_of(self.shape)

    def __call__(self, image: Any) -> Tensor:
        """A tensor of ONE raw image: a file's path, its bytes, a PIL image, or an array or tensor (H, W), (H, W, 3) or (3, H, W).

        Raises:
            DataError: it is no image, is broken, holds several, or has too many pixels.
        """
        opened = decoded(_pixels_last(image) if isinstance(image, np.ndarray | Tensor) else image)
        if opened.mode != "F":
            opened = opened.convert("L" if self.channels == 1 else "RGB")
        height, width = self.size
        if not self.strokes:
            return self._tensor(opened.resize((width, height), Image.Resampling.BILINEAR))
        times = int((opened.width * opened.height / _ENOUGH) ** 0.5)
        values = np.asarray(opened.reduce(times) if times > 1 else opened, dtype=np.float32) / 255
        border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        values = np.abs(values - np.median(border, axis=0))
        if values.max() > 0:
            values = values / values.max()
        strokes = Image.fromarray(np.round(values * 255).astype(np.uint8))
        return self._tensor(ImageOps.pad(strokes, (width, height), Image.Resampling.BOX, color=0))

    def batch(self, things: Any) -> Tensor:
        """Images (Q, channels, height, width) of one raw thing, a list of them, or an array or tensor of one or many.

        What has the layout of images once read, (channels, height, width) of this reader or many of them, is taken as read
        already: 8-bit values are divided by 255, decimal numbers stay as they are, so that ``batch(batch(x))`` is ``batch(x)``.
        All else is raw, and is read: paths, bytes, PIL images, (H, W), (H, W, 3), (Q, H, W), (Q, H, W, 3) or (Q, 3, H, W).

        Raises:
            DataError: no images, values outside of [0, 1], or a shape that is no image's or could be one or several.

        >>> photos = torch.randint(0, 256, (5, 40, 30, 3), dtype=torch.uint8)
        >>> read = Images(84, channels=3, strokes=False).batch(photos)
        >>> read.shape, Images(84, channels=3, strokes=False).batch(read) is read
        (torch.Size([5, 3, 84, 84]), True)
        """
        if isinstance(things, np.ndarray | Tensor):
            return self._read_already(things) if tuple(things.shape[-3:]) == self.shape else self._raw(things)
        if not isinstance(things, list | tuple):
            return self(things)[None]
        if not things:
            raise DataError("there are no images. Give at least one.")
        if all(isinstance(thing, int | float) for thing in things):
            raise DataError("a list of numbers is no image. Give paths, bytes, PIL images, arrays or tensors.")
        return torch.cat([self.batch(thing) for thing in things])

    def scaled(self, rows: Tensor) -> Tensor:
        """Rows that are images once read, with 8-bit values divided by 255."""
        return rows.to(torch.get_default_dtype()).div_(255) if rows.dtype == torch.uint8 else rows

    def _read_already(self, x: np.ndarray | Tensor) -> Tensor:
        if x.ndim not in (3, 4):
            raise DataError(f"images of shape {tuple(x.shape)}: give one, {self.shape}, or a batch, (Q, …).")
        found = x if isinstance(x, Tensor) else torch.from_numpy(np.ascontiguousarray(x))
        found = found[None] if found.ndim == 3 else found
        if found.dtype == torch.uint8:
            return self.scaled(found)
        if not found.is_floating_point():
            return torch.stack([self(image) for image in found])
        if found.dtype == torch.float64 and not isinstance(x, Tensor):
            found = found.to(torch.get_default_dtype())  # as everywhere: NumPy's usual precision becomes torch's
        if len(found):
            low, high = (float(value) for value in found.detach().aminmax())
            if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # also where NaN is among them
                raise DataError(f"images of decimal numbers must lie in [0, 1], not {low:g}..{high:g}. Scale them.")
        return found

    def _raw(self, x: np.ndarray | Tensor) -> Tensor:
        sides = tuple(x.shape)
        if x.ndim == 3 and sides[0] == 3 and sides[2] not in (1, 2, 3, 4) and self.channels == 1:
            raise DataError(f"{sides} may be one colour image or 3 grey ones. Give (1, 3, H, W) for one, (3, 1, H, W) for three.")
        if x.ndim == 4 or (x.ndim == 3 and not _is_one(sides)):
            if not len(x):
                raise DataError("there are no images. Give at least one.")
            return torch.stack([self(image) for image in x])
        return self(x)[None]

    def _tensor(self, image: Image.Image) -> Tensor:
        values = torch.from_numpy(np.array(image, dtype=np.float32) / 255).clamp_(0, 1)
        return values.expand(self.channels, -1, -1).clone() if values.ndim == 2 else values.permute(2, 0, 1)


def _is_one(sides: tuple[int, ...]) -> bool:
    return sides[2] in (1, 2, 3, 4) or sides[0] in (1, 3)


def _pixels_last(x: np.ndarray | Tensor) -> np.ndarray:
    """One image as an array (H, W) or (H, W, channels)."""
    values = x.detach().cpu().numpy() if isinstance(x, Tensor) else x
    if values.ndim == 3 and values.shape[2] not in (1, 2, 3, 4) and values.shape[0] in (1, 3, 4):
        return np.moveaxis(values, 0, 2)
    return values
