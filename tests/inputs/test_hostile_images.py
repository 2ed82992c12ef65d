"""What is handed in as an image may be a program, a pipe, endless, or a bomb: it is refused at once, and nothing runs."""

import io
import os
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import EpsImagePlugin, Image

from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_zip import image_zip
from quickstudy.datasets.omniglot import _read
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n(%pipe%touch owned) (w) file\nshowpage\n%%EOF\n"


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that comes to be if Ghostscript is called: a program of that name stands first on the path."""
    marker = tmp_path / "ran"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gs"
    program.write_text(f"#!/bin/sh\necho run >> {marker}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    return marker


def _zipped(folder: Path, content: bytes) -> Path:
    with zipfile.ZipFile(folder / "all.zip", "w") as pack:
        pack.writestr("cat/1.jpg", content)
    return folder / "all.zip"


def test_the_trap_is_set(ran: Path) -> None:
    with pytest.raises(Exception, match=r".*"), Image.open(io.BytesIO(EPS)) as image:
        image.load()
    assert ran.exists(), "Pillow as it comes hands the file to the program"


@pytest.mark.parametrize("door", ["path", "bytes", "file", "image", "folder", "zip", "omniglot", "batch"])
def test_an_image_that_is_a_program_does_not_run(door: str, ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "cat").mkdir(parents=True)
    file = tmp_path / "data" / "cat" / "1.jpg"
    file.write_bytes(EPS)
    monkeypatch.setattr(sys.modules["quickstudy.datasets.omniglot"], "_archive", lambda name: tmp_path / "omniglot.zip")
    with zipfile.ZipFile(tmp_path / "omniglot.zip", "w") as pack:
        pack.writestr("images_background/Greek/character01/0001_01.png", EPS)
    doors: dict[str, Callable[[], object]] = {
        "path": lambda: Images()(file),
        "bytes": lambda: Images()(EPS),
        "file": lambda: Images()(io.BytesIO(EPS)),
        "image": lambda: Images()(Image.open(io.BytesIO(EPS))),
        "folder": lambda: image_folder(tmp_path / "data"),
        "zip": lambda: image_zip(_zipped(tmp_path, EPS), Images()),
        "omniglot": lambda: _read(28),
        "batch": lambda: Images().batch([file]),
    }
    with pytest.raises(DataError, match="not an image that can be read|opened as EPS"):
        doors[door]()
    assert not ran.exists()


def test_pipes_devices_and_folders_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path, words in (
        (tmp_path / "pipe.jpg", "a pipe, a device"),
        (Path("/dev/zero"), "a pipe, a device"),
        (tmp_path, "a folder"),
    ):
        with pytest.raises(DataError, match=f"{path} is {words}"):
            Images()(path)
    with pytest.raises(DataError, match=r"none\.jpg is not there"):
        Images()(tmp_path / "none.jpg")
    with pytest.raises(DataError, match="cannot be read"):
        Images()("null\0byte.jpg")


def _frames(form: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, form, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_several_images_in_one_file_are_not_read_as_the_first(form: str) -> None:
    with pytest.raises(DataError, match=r"holds several images \(frames or pages\)"):
        Images()(_frames(form))


def test_a_cameras_photo_with_previews_is_the_photo() -> None:
    assert Images(8, 3, strokes=False)(_frames("MPO"))[0].mean() > 0.9, "the first, red"


def _png(side: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in [(b"IHDR", header), *((chunk[:4], chunk[4:]) for chunk in chunks)]:
        made += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return made


@pytest.mark.parametrize(
    "content",
    [
        _png(60_000, b"IDAT" + zlib.compress(bytes(10**7))),
        _png(20, b"zTXtname\0\0" + zlib.compress(bytes(3 * 10**8), 9), b"IDAT" + zlib.compress(bytes(10))),
        b"P5\n2000000000 2000000000\n255\n",
        b"GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00;",
        b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(100),
        b"BM" + struct.pack("<IHHIIiiHHI", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24, 0) + bytes(24),
    ],
    ids=["png of 3.6 Gpixel", "300 MB of text in a png", "ppm", "gif of 4 Gpixel", "tiff", "bmp of 10^18 pixels"],
)
def test_bombs_are_refused_in_little_memory(content: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(DataError, match="Make it smaller|not an image that can be read"):
        Images()(content)
    assert tracemalloc.get_traced_memory()[1] < 300e6
    tracemalloc.stop()


def test_files_of_too_many_bytes_are_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "huge.bmp").open("wb") as file:
        file.truncate(10**10)
    with pytest.raises(DataError, match=r"huge\.bmp has 10,000,000,000 bytes, more than the 200,000,000"):
        Images()(tmp_path / "huge.bmp")


def test_large_photos_of_strokes_are_reduced_first() -> None:
    page = np.full((4000, 3000), 255, dtype=np.uint8)
    page[1000:3000, 1400:1600] = 0
    small = page[::10, ::10]
    assert (Images()(page) - Images()(small)).abs().max() < 0.05
    assert torch.equal(Images()(np.kron(small, np.ones((1, 1), np.uint8))), Images()(small))


def _packed(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, content in members:
            pack.writestr(name, content)
    return path


def _png_of(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (9, 9), value).save(buffer, "PNG")
    return buffer.getvalue()


GOOD = (("cat/1.png", _png_of(5)), ("dog/1.png", _png_of(250)))


@pytest.mark.parametrize(
    ("size", "words"), [(500_000_000, "500,000,000 bytes, more than 64,000,000"), (60_000_000, "200 times smaller than it is")]
)
def test_members_of_a_zip_that_are_bombs_are_not_unpacked(tmp_path: Path, size: int, words: str) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as pack, pack.open("cat/huge.bmp", "w") as member:
        for _ in range(size // 1_000_000):
            member.write(bytes(1_000_000))
    with zipfile.ZipFile(bomb, "a") as pack:
        for name, content in GOOD:
            pack.writestr(name, content)
    tracemalloc.start()
    with pytest.raises(DataError, match=f"huge.bmp in .*{words}"):
        image_zip(bomb, Images())
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert image_zip(bomb, Images(), on_error="skip").classes == ("cat", "dog")


def test_all_broken_members_are_named_and_the_rest_kept_if_asked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pack = _packed(tmp_path / "some.zip", *GOOD, ("cat/2.png", b"broken"), ("dog/2.png", b"broken"))
    with pytest.raises(DataError, match="2 images of") as caught:
        image_zip(pack)
    assert "cat/2.png" in str(caught.value) and "dog/2.png" in str(caught.value)
    kept = image_zip(pack, on_error="skip")
    assert kept.gather(torch.arange(2)).mean((1, 2, 3)).tolist() == pytest.approx([5 / 255, 250 / 255])
    assert "cat/2.png" in caplog.text


def test_a_zip_that_is_locked_damaged_or_none(tmp_path: Path) -> None:
    whole = bytearray(_packed(tmp_path / "whole.zip", *GOOD).read_bytes())
    locked, contents = bytearray(whole), bytearray(whole)
    place = whole.find(b"PK\x01\x02")
    for mark, flag in ((whole.find(b"PK\x03\x04"), 6), (place, 8)):
        locked[mark + flag] |= 1
    end = whole.rfind(b"PK\x05\x06")
    contents[end + 12 : end + 16] = struct.pack("<L", 400_000_000)
    for content, words in (
        (locked, "cat/1.png in .*cannot be unpacked .*password"),
        (contents, "table of contents of more than 50,000,000 bytes"),
        (whole[: len(whole) // 2], "cannot be read as a ZIP file"),
        (b"", "cannot be read as a ZIP file"),
    ):
        (tmp_path / "odd.zip").write_bytes(content)
        with pytest.raises(DataError, match=words):
            image_zip(tmp_path / "odd.zip")
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(DataError, match="pipe.zip is a pipe"):
        image_zip(tmp_path / "pipe.zip")
