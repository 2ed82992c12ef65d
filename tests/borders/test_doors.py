"""One border's rule is every border's rule: the same bad and odd things at every public door, and the same verdict.

A door takes raw inputs and gives back what a network would see. A thing is either refused at every door, by an error of ours,
or every door hands over the same numbers.
"""

import io
import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from quickstudy import Examples, Learner, Predictor, datasets, learners, load, save
from quickstudy.borders.targets import class_names, read_targets
from quickstudy.errors import UserError
from quickstudy.inputs.images import Images
from quickstudy.nn import MLP

Door = Callable[[Any], Tensor]


class Seen(torch.nn.Module):
    """Features are the inputs, and the last batch is kept: what came through a door."""

    last: Tensor

    def forward(self, x: Tensor) -> Tensor:
        Seen.last = x.clone()
        return x.flatten(1)


def refused_or(door: Door, thing: Any) -> Tensor | None:
    """What came through, or none where the thing was refused; any other error fails the test."""
    try:
        return door(thing)
    except UserError as error:
        assert str(error).strip().endswith((".", ")", "!")), f"no whole sentence: {error}"
        return None


def same(first: Tensor, other: Tensor) -> bool:
    return first.shape == other.shape and first.dtype == other.dtype and torch.allclose(first, other, atol=1e-6)


# rows of numbers

ROWS = np.array([[0.0, 1.0, 2.0], [1.0, 0.5, -1.0], [3.0, 2.0, 1.0], [0.25, 0.0, 4.0]], dtype=np.float32)
TARGETS = np.array([0, 1, 0, 1])


def with_one(value: Any, dtype: Any = np.float32) -> Any:
    rows = ROWS.astype(dtype)
    rows[2, 1] = value
    return rows


class Table:
    """Something of another library that NumPy can read, as tables and their columns are."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values.astype(dtype or self.values.dtype)

    def __len__(self) -> int:
        return len(self.values)


def looped() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return [endless] * 4


BAD_ROWS = {
    "NaN": with_one(np.nan),
    "infinity": with_one(np.inf),
    "minus infinity": torch.tensor(with_one(-np.inf)),
    "complex": ROWS.astype(np.complex64),
    "text": ROWS.astype(str),
    "objects": np.array([[None, 1, 2]] * 4, dtype=object),
    "ragged": [[1.0, 2.0, 3.0], [1.0, 2.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]],
    "dates": np.array([["2020-01-01"] * 3] * 4, dtype="datetime64[D]"),
    "None": None,
    "a list of itself": looped(),
}

ODD_ROWS = {
    "float32": ROWS,
    "float64": ROWS.astype(np.float64),
    "a tensor": torch.tensor(ROWS),
    "a tensor with a graph": torch.tensor(ROWS, requires_grad=True) * 1,
    "lists": ROWS.tolist(),
    "big-endian": ROWS.astype(">f4"),
    "column order": np.asfortranarray(ROWS),
    "negative strides": ROWS[::-1][::-1],
    "read-only": np.frombuffer(ROWS.tobytes(), dtype=np.float32).reshape(4, 3),
    "a table": Table(ROWS),
    "a list of tensors": list(torch.tensor(ROWS)),
}


@pytest.fixture(scope="module")
def seen_rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Predictor, Predictor]:
    """A predictor of rows, and the same from its file."""
    predictor = learners.ProtoNet(MLP(3, (4,)))(Examples.of(ROWS, TARGETS))
    path = tmp_path_factory.mktemp("doors") / "rows.safetensors"
    save(predictor, path)
    loaded = load(path)
    assert isinstance(loaded, Predictor)
    return predictor, loaded


def doors_of_rows() -> dict[str, Door]:
    return {
        "Examples.of": lambda x: Examples.of(x, TARGETS).x,
        "from_arrays": lambda x: datasets.from_arrays(x, TARGETS).examples().x,
        "from_dataset": lambda x: datasets.from_dataset(list(zip(x, TARGETS.tolist(), strict=True))).examples().x,
    }


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_refused_at_every_door(name: str, seen_rows: tuple[Predictor, Predictor]) -> None:
    thing = BAD_ROWS[name]
    doors = doors_of_rows() | {"predictor": seen_rows[0], "loaded predictor": seen_rows[1]}
    if thing is None:
        del doors["from_dataset"]  # nothing to pair with labels
    came_in = [door for door in doors if refused_or(doors[door], thing) is not None]
    assert not came_in, f"{name} came in by {', '.join(came_in)}"


@pytest.mark.parametrize("name", ODD_ROWS)
def test_odd_rows_are_the_same_numbers_at_every_door(name: str, seen_rows: tuple[Predictor, Predictor]) -> None:
    thing, plain = ODD_ROWS[name], torch.tensor(ROWS)
    for door, through in doors_of_rows().items():
        if door == "from_dataset" and isinstance(thing, Table):
            continue  # a table has no rows to pair with labels
        found = through(thing)
        assert same(found, plain) and not found.requires_grad, f"{name} at {door}"
    for predictor in seen_rows:
        assert torch.allclose(predictor(thing), seen_rows[0](plain), atol=1e-6), f"{name} at a predictor"


# targets

BAD_CLASSES: dict[str, Any] = {
    "NaN": [0.0, 1.0, np.nan, 1.0],
    "infinity": [0.0, 1.0, np.inf, 1.0],
    "None": [0, 1, None, 1],
    "half a class": [0.0, 1.0, 0.5, 1.0],
    "several labels a row": np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 1, 0]]),
    "no label in a row": np.array([[1, 0], [0, 0], [1, 0], [0, 1]]),
    "three axes": np.zeros((4, 1, 2)),
    "ragged": [[0], [1], [0, 1], [1]],
    "complex": np.array([0j, 1j, 0j, 1j]),
    "one too few": [0, 1, 0],
    "none at all": [],
}

ODD_CLASSES: dict[str, Any] = {
    "int64": TARGETS,
    "int8": TARGETS.astype(np.int8),
    "uint8 tensor": torch.tensor(TARGETS, dtype=torch.uint8),
    "floats of a CSV column": TARGETS.astype(np.float64),
    "a column": TARGETS[:, None],
    "one-hot integers": np.eye(2, dtype=np.int64)[TARGETS],
    "one-hot floats": torch.eye(2)[torch.tensor(TARGETS)],
    "a list": TARGETS.tolist(),
    "a column of a table": Table(TARGETS),
    "bools": TARGETS.astype(bool),
}


def doors_of_classes() -> dict[str, Door]:
    return {
        "Examples.of": lambda y: Examples.of(ROWS, y, kind="classes").y.argmax(-1),
        "read_targets": lambda y: Examples.of(ROWS, read_targets(y, "classes")[1], kind="classes").labels,
        "class_names": lambda y: _of_four(class_names(y)[1]),
        "from_arrays": lambda y: datasets.from_arrays(ROWS, y).labels,
    }


def _of_four(labels: Tensor) -> Tensor:
    """These doors do not see the rows that the targets belong to."""
    return labels if len(labels) == len(ROWS) else Examples.of(ROWS, labels, kind="classes").labels


@pytest.mark.parametrize("name", BAD_CLASSES)
def test_bad_class_numbers_are_refused_at_every_door(name: str) -> None:
    came_in = [door for door, through in doors_of_classes().items() if refused_or(through, BAD_CLASSES[name]) is not None]
    assert not came_in, f"{name} came in by {', '.join(came_in)}"


@pytest.mark.parametrize("name", ODD_CLASSES)
def test_odd_class_numbers_are_the_same_classes_at_every_door(name: str) -> None:
    for door, through in doors_of_classes().items():
        assert torch.equal(through(ODD_CLASSES[name]).long(), torch.tensor(TARGETS)), f"{name} at {door}"


# images

READS = Images(size=(24, 20), channels=3, strokes=False)


def scene() -> np.ndarray:
    """A colour image of 48 by 40 whose quarters and corners differ, so that nothing turned or mirrored is alike."""
    down, across = np.meshgrid(np.linspace(0, 1, 48), np.linspace(0, 1, 40), indexing="ij")
    pixels = np.stack([down, across, 1 - down * across], axis=-1)
    return np.round(255 * pixels).astype(np.uint8)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def exif(turn: int) -> bytes:
    found = Image.Exif()
    found[0x0112] = turn
    return found.tobytes()


def good_files() -> dict[str, bytes]:
    """Files that all hold the scene, whatever their kind."""
    plain = Image.fromarray(scene())
    return {
        "a.png": encoded(plain, "PNG"),
        "b.bmp": encoded(plain, "BMP"),
        "c.tif": encoded(plain, "TIFF"),
        "d.webp": encoded(plain, "WEBP", lossless=True),
        "e.ppm": encoded(plain, "PPM"),
        "opaque.png": encoded(plain.convert("RGBA"), "PNG"),
        "turned.png": encoded(plain.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif(6)),
        "misnamed.jpg": encoded(plain, "PNG"),
    }


def bad_files() -> dict[str, bytes]:
    whole = encoded(Image.fromarray(scene()), "PNG")
    bomb = whole[:16] + struct.pack(">II", 60_000, 60_000) + whole[24:]
    return {
        "program.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(proof) (w) file closefile\nshowpage\n",
        "cut.png": whole[: len(whole) // 2],
        "empty.png": b"",
        "words.png": b"no image at all",
        "bomb.png": bomb,
        "zeros.png": bytes(4096),
        "page.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "archive.jpg": b"PK\x03\x04" + bytes(64),
    }


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[tuple[Learner[Any], Predictor, Path]]:
    """A learner that keeps what it sees, a predictor of it, and the predictor's file."""
    learner = learners.ProtoNet(MLP(3 * 24 * 20, (4,)))
    learner.reads = READS
    support = torch.rand(4, 3, 24, 20, generator=torch.Generator().manual_seed(1))
    predictor = learner(Examples.of(support, TARGETS), ["left", "right"])
    save(predictor, tmp_path / "mine.safetensors")
    yield learner, predictor, tmp_path / "mine.safetensors"


def folder_of(root: Path, content: bytes, name: str) -> Path:
    """A folder of two classes, one image of each, one of them this one."""
    for label, data, file in (("left", content, name), ("right", good_files()["a.png"], "a.png")):
        (root / label).mkdir(parents=True)
        (root / label / file).write_bytes(data)
    return root


def test_good_images_are_the_same_numbers_at_every_door(
    shown: tuple[Learner[Any], Predictor, Path], tmp_path: Path, call: Any
) -> None:
    _, predictor, file = shown
    expected = READS(Image.fromarray(scene()))
    chances = predictor.probabilities(expected[None])[0]
    for number, (name, content) in enumerate(good_files().items()):
        root = folder_of(tmp_path / str(number), content, name)
        path = root / "left" / name
        values = np.asarray(Image.open(io.BytesIO(encoded(Image.fromarray(scene()), "PNG"))))
        doors = {
            "a path": READS(path),
            "a path as text": READS(str(path)),
            "bytes": READS(content),
            "an open image": READS(Image.open(path)),
            "an array": READS(values),
            "a batch": READS.batch([path])[0],
            "a folder": datasets.image_folder(root, reads=READS).examples().x[0],
            "arrays": datasets.from_arrays([values, values], [0, 1], reads=READS).examples().x[0],
        }
        for door, found in doors.items():
            assert torch.allclose(found, expected, atol=1.01 / 255), f"{name} as {door}"
        for thing in (path, [path], content, Image.open(path), values, expected, expected[None], torch.tensor(values)):
            assert torch.allclose(predictor.probabilities(thing)[0], chances, atol=1e-3), (
                f"{name} at the predictor as {type(thing)}"
            )
        status, out, errors = call("predict", file, path, "--json")
        assert status == 0, errors
        found = json.loads(out)[0]["probabilities"]
        assert [found["left"], found["right"]] == pytest.approx(chances.tolist(), abs=1e-3), f"{name} on the command line"


@pytest.mark.parametrize("name", [*bad_files(), "a folder", "a pipe", "a device", "nothing"])
def test_bad_images_are_refused_at_every_door(
    name: str, shown: tuple[Learner[Any], Predictor, Path], tmp_path: Path, call: Any
) -> None:
    learner, predictor, file = shown
    save(learner, tmp_path / "learner.safetensors")
    root = folder_of(tmp_path / "support", bad_files().get(name, b""), "x.png")
    path = root / "left" / "x.png"
    if name not in bad_files():
        path.unlink()
    if name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a device":
        path.symlink_to("/dev/zero")
    doors: dict[str, Door] = {
        "the reader": READS,
        "a batch": READS.batch,
        "the predictor": predictor.probabilities,
        "names": lambda thing: torch.tensor([len(predictor.names(thing))]),
    }
    if name in bad_files():
        doors["bytes"] = lambda thing: READS(thing.read_bytes())
    came_in = [door for door, through in doors.items() if refused_or(through, path) is not None]
    assert not came_in, f"{name} came in by {', '.join(came_in)}"
    status, out, errors = call("predict", file, path, "--json")
    assert status == 1 and "x.png" in errors and "defect" not in errors, (out, errors)
    if name in bad_files():
        assert refused_or(lambda where: datasets.image_folder(where, reads=READS).x, root) is None
        status, _, errors = call("adapt", tmp_path / "learner.safetensors", root, "-o", tmp_path / "out.safetensors")
        assert status == 1 and "x.png" in errors and "defect" not in errors, errors
        assert not (tmp_path / "out.safetensors").exists()


NO_FILES: dict[str, bytes] = {
    "empty": b"",
    "words": b"no artefact",
    "a pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94",
    "a header of 2^60 bytes": struct.pack("<Q", 2**60) + b"{}",
    "a deep header": struct.pack("<Q", 40_000) + b"[" * 40_000,
    "an image": encoded(Image.fromarray(scene()), "PNG"),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_artefact_is_refused_at_every_door(name: str, tmp_path: Path, call: Any) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(NO_FILES[name])
    with pytest.raises(UserError, match=r"x\.safetensors"):
        load(path)
    image = tmp_path / "a.png"
    image.write_bytes(good_files()["a.png"])
    for words in (("predict", path, image), ("adapt", path, tmp_path, "-o", tmp_path / "out.safetensors"), ("doctor", path)):
        status, _, errors = call(*words)
        assert status == 1 and "x.safetensors" in errors and "defect" not in errors, (words[0], errors)
