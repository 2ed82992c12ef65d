"""One photo gives one answer at every door: a batch of images is the same tensor whatever it was given as."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

COLOUR, GREY = Images(84, channels=3, strokes=False), Images((30, 20), strokes=False)


def photo(height: int = 40, width: int = 50) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_one_photo_is_the_same_tensor_however_it_is_given(tmp_path: Path) -> None:
    pixels = photo()
    image = Image.fromarray(pixels)
    image.save(tmp_path / "photo.png")
    channels_first = torch.from_numpy(pixels).permute(2, 0, 1)
    given = [
        tmp_path / "photo.png",
        str(tmp_path / "photo.png"),
        (tmp_path / "photo.png").read_bytes(),
        bytearray((tmp_path / "photo.png").read_bytes()),
        io.BytesIO((tmp_path / "photo.png").read_bytes()),
        Image.open(tmp_path / "photo.png"),
        image,
        pixels,
        pixels / 255,
        torch.from_numpy(pixels),
        channels_first,
        channels_first / 255,
        channels_first.numpy(),
        pixels[None],
        channels_first[None],
    ]
    expected = COLOUR(image)
    for thing in given:
        assert torch.equal(COLOUR.batch(thing), expected[None])
        given_again = given[0] if isinstance(thing, io.BytesIO) else thing
        assert torch.equal(COLOUR.batch([given_again, given_again]), torch.stack([expected] * 2))


def test_what_is_read_already_stays_as_it_is() -> None:
    read = COLOUR.batch([photo(), photo(84, 84)])
    assert read.shape == (2, 3, 84, 84) and COLOUR.batch(read) is read
    assert torch.equal(COLOUR.batch(read.numpy()), read) and torch.equal(COLOUR.batch(read[0]), read[:1])
    assert torch.equal(COLOUR.batch(list(read)), read)
    assert COLOUR.batch(read.double()).dtype == torch.float64
    assert COLOUR.batch(read.double().numpy()).dtype == torch.float32


@pytest.mark.parametrize("reads", [Images(28), Images(28, strokes=False), Images(28, 3, strokes=False)])
def test_eight_bit_rows_of_the_readers_layout_are_divided_by_255(reads: Images) -> None:
    """Also where strokes are sought: such rows hold strokes already."""
    rows = torch.randint(0, 256, (6, *reads.shape), dtype=torch.uint8)
    for given in (rows, rows.numpy(), list(rows)):
        assert torch.equal(reads.batch(given), rows.float() / 255)
    assert torch.equal(reads.scaled(rows), rows.float() / 255) and reads.scaled(rows.float()).equal(rows.float())


def test_many_raw_images_in_one_array() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (5, 60, 40), dtype=np.uint8)
    expected = torch.stack([GREY(image) for image in grey])
    for given in (grey, grey[..., None], grey[:, None], torch.from_numpy(grey), grey / 255, list(grey)):
        assert torch.equal(GREY.batch(given), expected)
    strokes = Images(28)
    page = np.full((2, 28, 28), 255, dtype=np.uint8)
    page[:, 10:18, 13:15] = 0
    assert strokes.batch(page)[:, 0, 0, 0].tolist() == [0, 0], "raw pages of the reader's own size are read: paper becomes 0"


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (np.full((3, 84, 84), 1.5), r"must lie in \[0, 1\], not 1.5..1.5"),
        (torch.full((1, 3, 84, 84), -0.1), r"must lie in \[0, 1\]"),
        (torch.full((3, 84, 84), float("nan")), r"must lie in \[0, 1\], not nan"),
        (np.full((50, 40, 3), 2.0), r"all lie in \[0, 1\]"),
        (np.zeros((50, 40, 3), dtype=np.int64), "int64 has no range"),
        (torch.zeros(2, 3, 84, 84, dtype=torch.long), "int64 has no range"),
        ([], "there are no images"),
        (np.zeros((0, 50, 40, 3), dtype=np.uint8), "there are no images"),
        ([0.5, 0.2], "a list of numbers is no image"),
        ([[0, 1], [1, 0]], "a list of numbers is no image"),
        (7, "type int is no image"),
        (None, "type NoneType is no image"),
        (np.zeros(12, dtype=np.uint8), r"an array of shape \(12,\) is no image"),
        (torch.zeros(1, 2, 3, 84, 84), r"shape \(1, 2, 3, 84, 84\)"),
        (np.zeros((2, 0, 4), dtype=np.uint8), "is no image"),
    ],
)
def test_what_is_no_image_is_refused(thing: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        COLOUR.batch(thing)


def test_three_grey_images_or_one_of_colour_is_asked() -> None:
    with pytest.raises(DataError, match="may be one colour image or 3 grey ones"):
        GREY.batch(np.zeros((3, 60, 40), dtype=np.uint8))
    assert GREY.batch(np.zeros((3, 1, 60, 40), dtype=np.uint8)).shape == (3, 1, 30, 20)
    assert GREY.batch(np.zeros((1, 3, 60, 40), dtype=np.uint8)).shape == (1, 1, 30, 20)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_files_and_arrays_of_one_image_agree(mode: str, form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (40, 50), dtype=np.uint16))
    else:
        image = Image.fromarray(rng.integers(0, 256, (40, 50, 4), dtype=np.uint8), "RGBA").convert(mode)
    image.save(tmp_path / "x", form)
    for reads in (COLOUR, GREY, Images(28)):
        assert torch.equal(reads.batch(tmp_path / "x"), reads.batch(np.asarray(image)))


def test_16_bits_are_scaled_by_their_range() -> None:
    """Two levels of grey are two levels, not each stretched to black and white; big-endian files as well."""
    values = np.array([[1000, 1000], [3000, 3000]], dtype=np.uint16)
    for kind in (values, values.astype(">u2")):
        assert torch.allclose(Images(2, strokes=False)(kind), torch.from_numpy(values / 65535).float())
    ppm = b"P5 2 2 65535 " + values.astype(">u2").tobytes()
    assert torch.allclose(Images(2, strokes=False)(ppm), torch.from_numpy(values / 65535).float())
    assert Images(2, 3, strokes=False)(values).shape == (3, 2, 2)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_files_of_numbers_without_a_range_are_refused(mode: str, tmp_path: Path) -> None:
    Image.fromarray(np.array([[-5, 70_000]], dtype="int32" if mode == "I" else "float32")).save(tmp_path / "x.tif")
    with pytest.raises(DataError, match=r"-5..70000 of mode ., which has no range"):
        Images()(tmp_path / "x.tif")
    Image.fromarray(np.array([[0.25, 0.75]], dtype="float32")).save(tmp_path / "y.tif")
    assert Images((1, 2), strokes=False)(tmp_path / "y.tif").flatten().tolist() == [0.25, 0.75]
