"""Images with boxes around things, in COCO's format: a folder or a ZIP of images and ``annotations.json``.

Source: Lin et al., 2014, Microsoft COCO: common objects in context.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from quickstudy.datasets.archive import opened
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded
from quickstudy.storage.plain_json import parsed

__all__ = ["ANNOTATIONS", "Boxed", "read_boxed"]

ANNOTATIONS = "annotations.json"

_FORM = (
    'It needs "images" (id, file_name, width, height), "annotations" (image_id, category_id, bbox: [x, y, width, height] in '
    'pixels) and "categories" (id, name)'
)
_KEYS = {"images": ("id", "file_name", "width", "height"), "annotations": ("image_id", "category_id", "bbox")}
_KEYS |= {"categories": ("id", "name")}
_OUTSIDE = 1.0
"""Pixels that a box may stand over the edge, as rounding makes it."""


@dataclass(frozen=True, eq=False)
class Boxed:
    """An image and the boxes in it.

    Args:
        image: in colour.
        boxes: (boxes, 4), left, top, right and bottom as shares of width and height.
        labels: the class of each.
        groups: whether each is around a group of things (COCO's iscrowd), (boxes,).
        place: of the image, for messages.
    """

    image: Image.Image
    boxes: Tensor
    labels: tuple[str, ...]
    groups: Tensor
    place: str


def read_boxed(path: str | Path) -> Iterator[Boxed]:
    """The images of a folder or a ZIP with their boxes, in the order of ``annotations.json``, one at a time.

    Args:
        path: of the folder or the ZIP. Images stand where ``file_name`` says, or in a folder ``images``.

    Raises:
        DataError: no such folder or ZIP; no ``annotations.json``, or one that is no JSON of COCO's form; a box of an image or a
            category that is not listed, of no size, or outside of its image; an image that is not there, cannot be read, or has
            another size than is said.
    """
    path = Path(path)
    if path.is_file() and path.suffix.lower() == ".json":
        raise DataError(f"{path} are the boxes alone. Give the folder that holds them and their images, or a ZIP of it.")
    with opened(path, "images with boxes") as (names, read):
        if ANNOTATIONS not in names:
            raise DataError(f"{path} has no {ANNOTATIONS}. {_FORM}; labelling programs write it as COCO.")
        found = _content(read(ANNOTATIONS), f"{path}/{ANNOTATIONS}")
        of_image = _checked(found, f"{ANNOTATIONS} of {path}")
        there = set(names)
        names_of = {entry["id"]: str(entry["name"]) for entry in found["categories"]}
        for entry in found["images"]:
            inside = next((name for name in (entry["file_name"], f"images/{entry['file_name']}") if name in there), None)
            if inside is None:
                raise DataError(f"{ANNOTATIONS} of {path} names the image {entry['file_name']!r}, which is not there. Add it.")
            yield _boxed(read(inside), entry, of_image.get(entry["id"], []), names_of, f"{path}/{inside}")


def _content(content: bytes, place: str) -> Mapping[str, Any]:
    try:
        found = parsed(content.decode("utf-8-sig"))
    except ValueError as error:
        raise DataError(f"{place} is no JSON in UTF-8 ({error}). {_FORM}.") from error
    for key, needed in _KEYS.items():
        entries = found.get(key) if isinstance(found, dict) else None
        if not isinstance(entries, list):
            raise DataError(f'{place} has no list "{key}". {_FORM}.')
        for number, entry in enumerate(entries):
            lacking = [name for name in needed if not isinstance(entry, dict) or name not in entry]
            if lacking:
                raise DataError(f'entry {number} of "{key}" in {place} has no "{lacking[0]}". {_FORM}.')
    return found  # type: ignore[no-any-return]


def _checked(found: Mapping[str, Any], place: str) -> dict[Any, list[dict[str, Any]]]:
    """The boxes of each image; what is wrong in one is said with its number."""
    for key in ("images", "categories"):
        twice = next((held for held, times in Counter(str(entry["id"]) for entry in found[key]).items() if times > 1), None)
        if twice is not None:
            raise DataError(f'{place} has the id {twice} twice in "{key}". Give each entry an id of its own.')
    if not found["images"] or not found["annotations"]:
        raise DataError(f"{place} has no {'images' if not found['images'] else 'boxes'}. {_FORM}.")
    sizes = {entry["id"]: (entry["width"], entry["height"]) for entry in found["images"]}
    known = {entry["id"] for entry in found["categories"]}
    of_image: dict[Any, list[dict[str, Any]]] = {}
    for number, entry in enumerate(found["annotations"]):
        what = f"box {number} in {place}"
        if entry["image_id"] not in sizes:
            raise DataError(f"{what} is of the image {entry['image_id']}, which is not listed. List it, or delete the box.")
        if entry["category_id"] not in known:
            raise DataError(f"{what} is of the category {entry['category_id']}, which is not listed. List it, or delete the box.")
        _check_box(entry["bbox"], sizes[entry["image_id"]], what)
        of_image.setdefault(entry["image_id"], []).append(entry)
    return of_image


def _check_box(box: Any, size: tuple[Any, Any], what: str) -> None:
    numbers = isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box)
    if not numbers or box[2] <= 0 or box[3] <= 0:
        raise DataError(f"{what} has the bbox {str(box)[:60]}. Give [x, y, width, height] in pixels, of a size above 0.")
    if not all(_is_number(side) and side > 0 for side in size):
        raise DataError(f"{what} is in an image of width and height {size}. Give its size in pixels.")
    x, y, width, height = box
    if x < -_OUTSIDE or y < -_OUTSIDE or x + width > size[0] + _OUTSIDE or y + height > size[1] + _OUTSIDE:
        raise DataError(
            f"{what} reaches from ({x:g}, {y:g}) to ({x + width:g}, {y + height:g}), out of its image of {size[0]}×{size[1]} "
            "pixels. A bbox is [x, y, width, height] in pixels, not [left, top, right, bottom]."
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _boxed(content: bytes, entry: Mapping[str, Any], boxes: list[dict[str, Any]], names: Mapping[Any, str], place: str) -> Boxed:
    try:
        image = decoded(content)
    except DataError as error:
        raise DataError(f"{place}: {error}") from error
    width, height = entry["width"], entry["height"]
    if image.size != (width, height):
        raise DataError(
            f"{place} has {image.width}×{image.height} pixels, but {ANNOTATIONS} says {width}×{height}. Boxes are in pixels of "
            "the image itself: write its size, and scale its boxes."
        )
    corners = torch.tensor([each["bbox"] for each in boxes], dtype=torch.float64).view(-1, 4)
    corners = torch.cat([corners[:, :2], corners[:, :2] + corners[:, 2:]], 1) / torch.tensor(
        [width, height] * 2, dtype=torch.float64
    )
    groups = torch.tensor([bool(each.get("iscrowd", 0)) for each in boxes], dtype=torch.bool)
    return Boxed(
        image.convert("RGB"), corners.clamp(0, 1).float(), tuple(names[each["category_id"]] for each in boxes), groups, place
    )
