"""How a picture file becomes an input: a frozen record that travels with every adapted predictor."""

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

__all__ = ["Pictures"]

_MOST_PIXELS = 50_000_000


@dataclass(frozen=True)
class Pictures:
    """Turns a picture of any size and mode into a tensor (channels, height, width) with values in [0, 1].

    Args:
        size: height and width, in pixels.
        channels: 1 for grey, 3 for colour.
        ink: strokes become 1 on a background of 0, whichever is darker in the picture; the background is the median of the
            border. The picture is fitted into the square without changing its proportions.

    >>> pen = np.full((40, 20), 255, dtype=np.uint8); pen[10:30, 9:11] = 0
    >>> tensor = Pictures()(pen)
    >>> tensor.shape, float(tensor[0, 0, 0]), float(tensor.max()) > 0.5
    (torch.Size([1, 28, 28]), 0.0, True)
    """

    size: tuple[int, int] = (28, 28)
    channels: int = 1
    ink: bool = True

    def __post_init__(self) -> None:
        if self.channels not in (1, 3) or min(self.size) < 1:
            raise DataError(f"pictures need 1 or 3 channels and a positive size, not {self.channels} and {self.size}.")

    def __call__(self, picture: Any) -> Tensor:
        """A tensor of a file's path, its bytes, a PIL image or an array (H, W) or (H, W, 3).

        Raises:
            DataError: it is no picture, is broken, or has too many pixels.
        """
        image = _open(picture).convert("L" if self.channels == 1 else "RGB")
        height, width = self.size
        if not self.ink:
            image = image.resize((width, height), Image.Resampling.BILINEAR)
            return _tensor(image)
        values = np.asarray(image, dtype=np.float32) / 255
        border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
        values = np.abs(values - np.median(border, axis=0))
        if values.max() > 0:
            values = values / values.max()
        strokes = Image.fromarray(np.round(values * 255).astype(np.uint8))
        return _tensor(ImageOps.pad(strokes, (width, height), Image.Resampling.BOX, color=0))


def _open(picture: Any) -> Image.Image:
    """Loaded, upright, of 8 bits and without transparency."""
    name = str(picture) if isinstance(picture, str | Path) else "the picture"
    try:
        with warnings.catch_warnings(), contextlib.ExitStack() as opened:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            file = opened.enter_context(Path(picture).open("rb")) if isinstance(picture, str | Path) else picture
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
        raise DataError(f"{name} is not a picture that can be read ({error}). Replace it or leave it out.") from error


def _image(picture: Any) -> Image.Image:
    if isinstance(picture, Image.Image):
        return picture
    if not isinstance(picture, np.ndarray):
        return Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture)
    if picture.dtype.kind == "f":
        if not np.isfinite(picture).all() or picture.min() < 0 or picture.max() > 1:
            raise DataError("an array of decimal numbers is a picture only if all lie in [0, 1]. Scale it, or give 8-bit values.")
        return Image.fromarray(np.round(picture * 255).astype(np.uint8))
    return Image.fromarray(picture.astype(np.uint8) * 255 if picture.dtype == bool else picture)


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
