"""Images with boxes in COCO's format: right shares of width and height, and a sentence for each fault."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from quickstudy.datasets.box_folder import ANNOTATIONS, read_boxed
from quickstudy.errors import DataError


def content() -> dict[str, Any]:
    return {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 40, "height": 20} for n in (7, 8)],
        "categories": [{"id": 3, "name": "cup"}, {"id": 5, "name": "fork"}],
        "annotations": [
            {"image_id": 8, "category_id": 5, "bbox": [10, 5, 20, 10]},
            {"image_id": 8, "category_id": 3, "bbox": [-0.4, 0, 40, 20], "iscrowd": 1},
        ],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / "images" / "7.png")
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / "8.png")
    (tmp_path / ANNOTATIONS).write_text(json.dumps(content()))
    return tmp_path


def test_boxes_are_shares_of_their_image(folder: Path) -> None:
    first, second = read_boxed(folder)
    assert first.boxes.shape == (0, 4) and first.labels == () and first.image.size == (40, 20)
    assert second.labels == ("fork", "cup") and second.groups.tolist() == [False, True]
    assert torch.allclose(second.boxes, torch.tensor([[0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 0.99, 1.0]]))


def test_a_zip_reads_as_its_folder(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as pack:
        for name in (ANNOTATIONS, "images/7.png", "8.png"):
            pack.write(folder / name, name)
    assert [each.labels for each in read_boxed(tmp_path / "all.zip")] == [(), ("fork", "cup")]


def _without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda found: {name: value for name, value in found.items() if name != key}


def _with(key: str, place: int, **changes: Any) -> Callable[[dict[str, Any]], Any]:
    def changed(found: dict[str, Any]) -> dict[str, Any]:
        found[key][place] |= changes
        return found

    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("categories"), 'has no list "categories"'),
        (lambda found: [found], 'has no list "images"'),
        (lambda found: found | {"annotations": []}, "has no boxes"),
        (lambda found: found | {"annotations": [{"image_id": 7}]}, 'entry 0 of "annotations" in .* has no "category_id"'),
        (_with("annotations", 1, image_id=9), "box 1 in .* is of the image 9, which is not listed"),
        (_with("annotations", 0, category_id=4), "box 0 in .* is of the category 4"),
        (_with("annotations", 0, bbox=[10, 5, 35, 10]), r"reaches from \(10, 5\) to \(45, 15\), out of its image of 40×20"),
        (_with("annotations", 0, bbox=[10, 5, 0, 10]), r"has the bbox \[10, 5, 0, 10\]"),
        (_with("annotations", 0, bbox="10 5 3 3"), "has the bbox 10 5 3 3"),
        (_with("images", 0, file_name="9.png"), "names the image '9.png', which is not there"),
        (_with("images", 1, id=7), 'has the id 7 twice in "images"'),
        (_with("images", 0, width=80), "has 40×20 pixels, but annotations.json says 80×20"),
    ],
    ids=lambda value: value.replace("\\", "")[:30] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said_with_its_number(folder: Path, change: Callable[[dict[str, Any]], Any], said: str) -> None:
    (folder / ANNOTATIONS).write_text(json.dumps(change(content())))
    with pytest.raises(DataError, match=said):
        list(read_boxed(folder))


def test_files_that_cannot_be_read_are_said(folder: Path) -> None:
    with pytest.raises(DataError, match="no folder and no ZIP file here"):
        list(read_boxed(folder / "nowhere"))
    with pytest.raises(DataError, match="are the boxes alone. Give the folder"):
        list(read_boxed(folder / ANNOTATIONS))
    (folder / "8.png").write_text("no image")
    with pytest.raises(DataError, match=r"8\.png: "):
        list(read_boxed(folder))
    (folder / ANNOTATIONS).write_bytes('{"images": "Äpfel"}'.encode("latin-1"))
    with pytest.raises(DataError, match="is no JSON in UTF-8"):
        list(read_boxed(folder))
    (folder / ANNOTATIONS).unlink()
    with pytest.raises(DataError, match="has no annotations.json"):
        list(read_boxed(folder))
