"""Images with a manifest: rows, classes and groups as it says, and a sentence for each thing that may be wrong with it."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from quickstudy.datasets.image_manifest import image_manifest, parts_of_classes
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

READS = Images(8, channels=3, strokes=False)
ROWS = [("x/1.png", "cat", "p2"), ("x/2.png", "dog", "p1"), ("3.png", "cat", "p1"), ("4.png", "dog", "p3")]


def png(value: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


def packed(path: Path, manifest: str | bytes | None = None, head: str = "file,class,patient", **more: bytes) -> Path:
    text = "\n".join([head, *[",".join(row) for row in ROWS]])
    with zipfile.ZipFile(path, "w") as file:
        for number, (name, _, _) in enumerate(ROWS, 1):
            file.writestr(name, png(10 * number))
        file.writestr("manifest.csv", text if manifest is None else manifest)
        for name, content in more.items():
            file.writestr(name.replace("_", "."), content)
    return path


def test_rows_have_the_classes_and_groups_of_the_manifest(tmp_path: Path) -> None:
    index = image_manifest(packed(tmp_path / "pets.zip"), reads=READS, group="patient")
    assert index.name == "pets" and index.classes == ("cat", "dog") and index.labels.tolist() == [0, 0, 1, 1]
    assert (255 * index.gather(index.labels.argsort(stable=True))[:, 0, 0, 0]).round().tolist() == [10, 30, 20, 40]
    assert index.groups is not None
    assert [index.group_names[number] for number in index.groups.tolist()] == ["p2", "p1", "p1", "p3"]


def test_a_folder_is_read_as_its_zip_is(tmp_path: Path) -> None:
    one = image_manifest(packed(tmp_path / "pets.zip"), reads=READS, group="patient")
    with zipfile.ZipFile(tmp_path / "pets.zip") as file:
        file.extractall(tmp_path / "pets")
    other = image_manifest(tmp_path / "pets", reads=READS, group=lambda row: row["patient"].upper(), needs=("patient",))
    assert bool((one.gather(one.labels) == other.gather(other.labels)).all()) and other.group_names == ("P1", "P2", "P3")


def test_without_a_manifest_folders_are_classes(tmp_path: Path) -> None:
    for name in ("cat/1.png", "dog/1.png", "dog/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png(9))
    index = image_manifest(tmp_path, reads=READS, group="patient")
    assert index.counts.tolist() == [1, 2] and index.groups is None


WRONG = {
    "a column": ("file,class\nx/1.png,cat", 'has no column "patient". It has: file, class'),
    "no rows": ("file,class,patient\n", "has no rows"),
    "encoding": ("file,class,patient\nx/1.png,K\xe4tze,p1".encode("latin-1"), "is not UTF-8"),
    "a file": ("file,class,patient\nx/9.png,cat,p1", 'row 2 of manifest.csv .* names "x/9.png", which is not in pets.zip'),
    "twice": ("file,class,patient\n3.png,cat,p1\n3.png,dog,p1", 'row 3 .* names "3.png" a second time'),
    "no class": ("file,class,patient\n3.png,,p1", "row 2 .* has no class"),
    "no group": ("file,class,patient\n3.png,cat, ", 'row 2 .* has nothing in the column "patient"'),
    "one class": ("file,class,patient\n3.png,cat,p1\n4.png,cat,p2", "all 2 rows are of one class"),
    "no image": ("file,class,patient\n3.png,cat,p1\nnotes.txt,dog,p2", "notes.txt in .*pets.zip"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_row(case: str, tmp_path: Path) -> None:
    manifest, words = WRONG[case]
    path = packed(tmp_path / "pets.zip", manifest, notes_txt=b"no image at all")
    with pytest.raises(DataError, match=words):
        image_manifest(path, reads=READS, group="patient")


def test_there_must_be_something(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder and no ZIP file here"):
        image_manifest(tmp_path / "none.zip", reads=READS, group="patient")


def test_parts_are_those_of_the_file_beside_or_within(tmp_path: Path) -> None:
    path = packed(tmp_path / "pets.zip")
    index = image_manifest(path, reads=READS, group="patient")
    with pytest.raises(DataError, match="at least 9 classes"):
        parts_of_classes(index, path)
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["dog"], "val": [], "test": ["cat"]}))
    assert parts_of_classes(index, path) == {"train": ("dog",), "val": (), "test": ("cat",)}
    within = packed(tmp_path / "own.zip", splits_json=b'{"train": ["cat"], "val": [], "test": ["dog"]}')
    assert parts_of_classes(index, within)["train"] == ("cat",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[1, 2", "cannot be read"),
        (b'{"train": ["cat"]}', "cannot be read"),
        (b'{"train": ["cat"], "val": ["cow"], "test": []}', 'names the class "cow", which has no images'),
        (b'{"train": ["cat"], "val": ["cat"], "test": []}', 'names the class "cat" twice'),
    ],
    ids=["broken", "a part lacks", "unknown", "twice"],
)
def test_wrong_parts_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    path = packed(tmp_path / "pets.zip", splits_json=content)
    index = image_manifest(path, reads=READS, group="patient")
    with pytest.raises(DataError, match=words):
        parts_of_classes(index, path)
