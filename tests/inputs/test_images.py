"""Images of any size and mode become rows; what is no image is refused by name."""

import io
import json
import struct
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from quickstudy.errors import DataError
from quickstudy.inputs import decoding
from quickstudy.inputs.images import Images

MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "F"]


def cross(mode: str = "L", paper: int = 255, ink: int = 0, size: tuple[int, int] = (60, 60)) -> Image.Image:
    image = Image.new("L", size, paper)
    draw = ImageDraw.Draw(image)
    draw.line((10, 10, size[0] - 10, size[1] - 10), fill=ink, width=6)
    draw.line((10, size[1] - 10, size[0] - 10, 10), fill=ink, width=6)
    if mode in ("P", "PA", "HSV", "LAB", "YCbCr", "CMYK"):
        return image.convert("RGB").convert("P").convert("PA") if mode == "PA" else _via_rgb(image, mode)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    return image.convert(mode)


def _via_rgb(image: Image.Image, mode: str) -> Image.Image:
    from PIL import ImageCms

    rgb = image.convert("RGB")
    if mode != "LAB":
        return rgb.convert(mode)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(rgb, ImageCms.buildTransform(*profiles, "RGB", "LAB"))  # type: ignore[arg-type, return-value]


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_gives_the_same_ink(mode: str) -> None:
    if mode == "LAB":
        pytest.importorskip("PIL._imagingcms")
    found, expected = Images()(cross(mode)), Images()(cross("L"))
    assert found.shape == (1, 28, 28) and found.dtype == torch.float32
    assert (found - expected).abs().max() < 0.06


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_ink_sizes_and_channels_are_as_asked(mode: str, channels: int) -> None:
    found = Images(size=(20, 31), channels=channels, strokes=False)(cross(mode, size=(90, 50)))
    assert found.shape == (channels, 20, 31)
    assert found.min() >= 0 and found.max() <= 1
    assert found[0, 0, 0] > 0.9, "paper stays white"


def test_ink_is_one_whichever_is_darker() -> None:
    dark, light = Images()(cross()), Images()(cross(paper=0, ink=255))
    assert torch.equal(dark, light)
    assert dark[0, 0, 0] == 0 and dark.max() > 0.9
    faint = Images()(cross(paper=130, ink=120))
    assert (faint - dark).abs().max() < 0.02, "faint strokes are stretched"


def test_ink_keeps_proportions() -> None:
    tall = np.full((100, 20), 255, dtype=np.uint8)
    tall[:, 2:18] = 0
    tall[0], tall[-1], tall[:, 0], tall[:, -1] = 255, 255, 255, 255
    columns = (Images()(tall)[0] > 0.5).any(0)
    assert 3 <= int(columns.sum()) <= 6


def test_a_transparent_background_is_paper() -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((15, 15, 25, 25), fill=(0, 0, 0, 255))
    found = Images()(image)[0]
    assert found[0, 0] == 0 and found[14, 14] == 1


def test_path_bytes_image_and_array_agree(tmp_path: Path) -> None:
    image, images = cross(), Images()
    (tmp_path / "x.png").write_bytes(encoded(image, "PNG"))
    ways = [tmp_path / "x.png", str(tmp_path / "x.png"), encoded(image, "PNG"), image, np.asarray(image)]
    ways += [np.asarray(image) / 255, np.asarray(image) > 127]
    found = [images(way) for way in ways]
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_rotation_noted_by_a_camera_is_undone() -> None:
    image = Image.new("L", (40, 20), 255)
    ImageDraw.Draw(image).rectangle((2, 2, 8, 8), fill=0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90 degrees, clockwise
    found = Images(size=(40, 20), strokes=False)(encoded(image, "JPEG", exif=exif, quality=95))
    expected = Images(size=(40, 20), strokes=False)(image.rotate(-90, expand=True))
    assert (found - expected).abs().mean() < 0.02
    assert Images(size=(40, 20), strokes=False)(Image.open(io.BytesIO(encoded(image, "PNG", exif=exif)))).equal(expected)


def test_a_blank_page_has_no_ink() -> None:
    assert Images()(Image.new("RGB", (30, 30), "white")).sum() == 0


@pytest.mark.parametrize("cut", [0, 10, 100])
def test_what_is_no_image_is_named(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "broken.png"
    file.write_bytes(encoded(cross(), "PNG")[:cut])
    with pytest.raises(DataError, match=r"broken\.png is not an image that can be read.*Replace it or leave it out"):
        Images()(file)
    with pytest.raises(DataError, match="the image is not an image that can be read"):
        Images()(file.read_bytes())


def test_a_truncated_image_object_is_refused() -> None:
    whole = encoded(Image.effect_noise((64, 64), 50), "PNG")
    with pytest.raises(DataError, match="not an image that can be read"):
        Images()(Image.open(io.BytesIO(whole[: len(whole) // 2])))


@pytest.mark.parametrize("side", [9_000, 30_000])
def test_a_decompression_bomb_is_refused_before_it_is_opened(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(DataError, match=r"bomb\.png has .* pixels.*Make it smaller"):
        Images()(tmp_path / "bomb.png")


def test_an_array_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_MOST_PIXELS", 100)
    with pytest.raises(DataError, match="the image has 11×10 pixels, more than 100. Make it smaller"):
        Images()(np.zeros((10, 11), dtype=np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 2.0])
def test_decimal_pixels_must_lie_between_zero_and_one(value: float) -> None:
    with pytest.raises(DataError, match=r"all lie in \[0, 1\]. Scale it"):
        Images()(np.full((10, 10), value))


def test_settings_are_checked_and_travel_as_json() -> None:
    with pytest.raises(DataError, match="1 or 3 channels"):
        Images(channels=2)
    for size in ((0, 28), (28,), 0, True, 2.5, "84", 10**9):
        with pytest.raises(DataError, match="size=.*height and width in pixels"):
            Images(size=size)  # type: ignore[arg-type]
    assert Images(size=84) == Images(size=(84, 84)) and Images(84).size == (84, 84)
    kept = json.loads(json.dumps(asdict(Images(size=(5, 6), channels=3, strokes=False))))
    assert kept == {"size": [5, 6], "channels": 3, "strokes": False}
