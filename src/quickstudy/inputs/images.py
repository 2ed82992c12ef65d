"""How an image file becomes an input: a frozen record that travels with every adapted predictor."""

import contextlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from quickstudy.errors import DataError

__all__ = ["Images"]

_MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class Images:
    """Turns an image of any size and mode into a tensor (channels, height, width) with values in [0, 1].

    Args:
        size: height and width, in pixels.
        channels: 1 for grey, 3 for colour.
        strokes: strokes become 1 on a background of 0, whichever is darker in the image; the background is the median of the
            border. The image is fitted into the square without changing its proportions.

    >>> pen = np.full((40, 20), 255, dtype=np.uint8); pen[10:30, 9:11] = 0
    >>> tensor = Images()(pen)
    >>> tensor.shape, float(tensor[0, 0, 0]), float(tensor.max()) > 0.5
    (torch.Size([1, 28, 28]), 0.0, True)
    """

    size: tuple[int, int] = (28, 28)
    channels: int = 1
    strokes: bool = True

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or min(self.size) < 1:
            raise DataError(f"images need 1 or 3 channels and a positive size, not {self.channels} and {self.size}.")

    def __call__(self, image: Any) -> Tensor:
        """A tensor of a file's path, its bytes, a PIL image or an array (H, W) or (H, W, 3).

        Raises:
            DataError: it is no image, is broken, or has too many pixels.
        """
        image = _open(image).convert("L" if self.channels == 1 else "RGB")
        height, width = self.size
        if not self.strokes:
            image = image.resize((width, height), Image.Resampling.BILINEAR)
            return _tensor(image)
        values = np.asarray(image, dtype=np.float32) / 255
        border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        values = np.abs(values - np.median(border, axis=0))
        if values.max() > 0:
            values = values / values.max()
        strokes = Image.fromarray(np.round(values * 255).astype(np.uint8))
        return _tensor(ImageOps.pad(strokes, (width, height), Image.Resampling.BOX, color=0))


def _open(image: Any) -> Image.Image:
    """Loaded, upright, of 8 bits and without transparency."""
    name = str(image) if isinstance(image, str | Path) else "the image"
    try:
        with warnings.catch_warnings(), contextlib.ExitStack() as opened:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            file = opened.enter_context(Path(image).open("rb")) if isinstance(image, str | Path) else image
            image = _image(file)
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(f"{name} has {image.width}×{image.height} pixels, more than {_MOST_PIXELS:,}. Make it smaller.")
            image.load()
            return _flatten(ImageOps.exif_transpose(image))
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} has more than {_MOST_PIXELS:,} pixels. Make it smaller.") from error
    except Exception as error:  # Pillow's decoders raise many kinds on broken or hostile files
        raise DataError(f"{name} is not an image that can be read ({error}). Replace it or leave it out.") from error


def _image(image: Any) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    if not isinstance(image, np.ndarray):
        return Image.open(io.BytesIO(image) if isinstance(image, bytes) else image)
    if image.dtype.kind == "f":
        if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
            raise DataError("an array of decimal numbers is an image only if all lie in [0, 1]. Scale it, or give 8-bit values.")
        return Image.fromarray(np.round(image * 255).astype(np.uint8))
    return Image.fromarray(image.astype(np.uint8) * 255 if image.dtype == bool else image)


def _flatten(image: Image.Image) -> Image.Image:
    """Transparent parts become white paper; greys of more than 8 bits are stretched from their darkest to their brightest."""
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image, dtype=np.float64)
        span = max(float(values.max() - values.min()), 1e-12)
        return Image.fromarray(np.round((values - values.min()) / span * 255).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), coloured)
    return image


def _tensor(image: Image.Image) -> Tensor:
    values = torch.from_numpy(np.array(image, dtype=np.float32) / 255)
    return values[None] if values.ndim == 2 else values.permute(2, 0, 1)
