"""Raster files, bytes and arrays decoded safely: a file is never a program, never endless, never larger than announced."""

import contextlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from quickstudy.errors import DataError

__all__ = ["FORMATS", "decoded", "regular_file"]

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
"""The formats that are opened. Pillow knows others, and hands some of them to programs: EPS to Ghostscript, which obeys them."""

_MOST_PIXELS = 50_000_000
_MOST_BYTES = 200_000_000
_ONE_IMAGE = "MPO"
"""A camera's JPEG with previews or depth beside the photo, which comes first."""

_STARTS = 16
_OTHERS = {
    b"ftyphei": "a HEIC photo, as phones save them",
    b"ftyphev": "a HEIC photo, as phones save them",
    b"ftypmif1": "a HEIF photo, as phones save them",
    b"ftypmp4": "a film (MP4)",
    b"ftypisom": "a film (MP4)",
    b"ftypqt": "a film (QuickTime)",
    b"%PDF": "a PDF document",
    b"<svg": "a drawing (SVG)",
    b"<?xml": "an XML file, perhaps a drawing (SVG)",
}
"""How files begin that people take for images, and what they are."""

_opening = threading.Lock()


@contextlib.contextmanager
def regular_file(path: str | Path, most: int | None = None) -> Iterator[IO[bytes]]:
    """Opens a file for reading if it is one: a pipe, a device or a folder is refused without waiting for it.

    Raises:
        DataError: it is not there, is no regular file, cannot be read, or has more than ``most`` bytes.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "is not there" if missing else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise DataError(f"{path} {reason}. Give the path of a file that can be read.") from error
    found = os.fstat(handle)
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, handle)
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a device or a socket"
            raise DataError(f"{path} is {kind}, not a file. Give the path of a file.")
        if most is not None and found.st_size > most:
            raise DataError(
                f"{path} has {found.st_size:,} bytes, more than the {most:,} that an image may have. Make it smaller."
            )
        yield opened.enter_context(open(handle, "rb", closefd=False))


def decoded(thing: Any) -> Image.Image:
    """An image of a path, bytes, PIL image or array: upright, on white where transparent; mode F holds greys in 0..255.

    Raises:
        DataError: it is no image of `FORMATS`, is broken, holds several images, or has too many pixels or bytes.
    """
    name = str(thing) if isinstance(thing, str | Path) else "the image"
    start = b""
    try:
        with contextlib.ExitStack() as opened:
            if isinstance(thing, str | Path):
                thing = opened.enter_context(regular_file(thing, _MOST_BYTES))
            start = _start(thing)
            image = _image(thing, name)
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(f"{name} has {image.width}×{image.height} pixels, more than {_MOST_PIXELS:,}. Make it smaller.")
            image.load()
            return _flat(ImageOps.exif_transpose(image), image.format, name)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} has more than {_MOST_PIXELS:,} pixels. Make it smaller.") from error
    except UnidentifiedImageError as error:
        kind = next((words for mark, words in _OTHERS.items() if mark in start), None)
        if kind is not None:
            raise DataError(f"{name} is {kind}, which is not read here. Save it as JPEG or PNG, or leave it out.") from error
        raise DataError(
            f"{name} is not an image that can be read (no {', '.join(FORMATS)}). Replace it or leave it out."
        ) from error
    except Exception as error:  # Pillow's decoders raise many kinds on broken or hostile files
        raise DataError(f"{name} is not an image that can be read ({error}). Replace it or leave it out.") from error


def _start(thing: Any) -> bytes:
    """The first bytes of a file or of a file's content."""
    if isinstance(thing, bytes | bytearray | memoryview):
        return bytes(thing[:_STARTS])
    if not hasattr(thing, "read") or not hasattr(thing, "seek"):
        return b""
    place = thing.tell()
    start = thing.read(_STARTS)
    thing.seek(place)
    return start if isinstance(start, bytes) else b""


def _image(thing: Any, name: str) -> Image.Image:
    """Opened, not yet decoded."""
    if isinstance(thing, np.ndarray):
        return _of_array(thing)
    if isinstance(thing, Image.Image):
        image = thing
        if isinstance(image, ImageFile.ImageFile) and image.format not in (*FORMATS, _ONE_IMAGE):
            raise DataError(f"{name} was opened as {image.format}, which is not among {', '.join(FORMATS)}. Give image.copy().")
    else:
        content = isinstance(thing, bytes | bytearray | memoryview)
        if not content and not hasattr(thing, "read"):
            kind = type(thing).__name__
            raise DataError(f"an object of type {kind} is no image. Give a path, bytes, a PIL image, an array or a tensor.")
        if content and len(thing) > _MOST_BYTES:
            raise DataError(f"{name} has {len(thing):,} bytes, more than the {_MOST_BYTES:,} that an image may have.")
        with _opening, warnings.catch_warnings():  # the filters are the whole process's: one thread at a time
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(thing) if content else thing, formats=_offered())
    if image.format != _ONE_IMAGE and getattr(image, "is_animated", False):
        raise DataError(f"{name} holds several images (frames or pages). Save the one you mean as a file of its own.")
    return image


def _offered() -> list[str]:
    """Of the formats, those that this Pillow was built with."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _of_array(values: np.ndarray) -> Image.Image:
    """Of greys (H, W) or (H, W, 1), or of 2 to 4 channels; 16-bit greys keep their precision, 16-bit colours as files do."""
    values = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    if not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (2, 3, 4))) or values.size == 0:
        raise DataError(f"an array of shape {values.shape} is no image. Give (H, W), (H, W, 3) or (H, W, 4).")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    kind = values.dtype
    if kind.kind == "f":
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
            raise DataError("an array of decimal numbers is an image only if all lie in [0, 1]. Scale it, or give 8-bit values.")
        scaled = values.astype(np.float64) * 255
        whole = np.round(scaled)
        fine = values.ndim == 2 and np.abs(scaled - whole).max() > 1e-3
        return Image.fromarray(scaled.astype(np.float32) if fine else whole.astype(np.uint8))
    if kind == np.uint16:
        return _grey(values / 257) if values.ndim == 2 else Image.fromarray((values >> 8).astype(np.uint8))
    if kind not in (np.uint8, np.bool_):
        raise DataError(
            f"an array of {kind} has no range that defines white. Give uint8 (0..255), uint16 (0..65,535), or decimal "
            "numbers in [0, 1]."
        )
    return Image.fromarray(values.astype(np.uint8) * 255 if kind == np.bool_ else np.ascontiguousarray(values))


def _flat(image: Image.Image, form: str | None, name: str) -> Image.Image:
    """Transparent parts become white paper; greys of more than 8 bits are scaled by the range of the file's type."""
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float32)
        if image.mode.startswith("I;16") or (image.mode == "I" and form in ("PNG", "PPM")):
            clear = image.info.get("transparency")
            return _grey(np.where(values == clear, 255, values / 257) if isinstance(clear, int) else values / 257)
        if image.mode == "F" and form is None and values.min() >= 0 and values.max() <= 255:
            return image  # of an array of ours, or as Pillow converts greys to mode F
        if image.mode == "F" and values.min() >= 0 and values.max() <= 1:
            return _grey(values * 255)
        raise DataError(
            f"{name} holds values in {values.min():g}..{values.max():g} of mode {image.mode}, which has no range that says what "
            "white is. Save it with 8 or 16 bits, or give decimal numbers in [0, 1]."
        )
    if "A" in image.getbands() or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), coloured)
    return image


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.float32))
