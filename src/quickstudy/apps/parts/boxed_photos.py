"""Photos with boxes for applications: images of COCO and folders of one's own, as windows on maps of a frozen backbone."""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.apps.application import Setting
from quickstudy.apps.parts.marked_photos import archives_of, maps_of, parts_at_random
from quickstudy.datasets.box_folder import Boxed, read_boxed
from quickstudy.datasets.boxed_images import BoxedImages, BoxedSplits, ImageBoxes
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import encoded
from quickstudy.errors import DataError
from quickstudy.functional.boxes import box_area, box_means, window_grid
from quickstudy.inputs.cells import Cells
from quickstudy.nn.box_vectors import BoxVectors
from quickstudy.nn.frozen import Frozen
from quickstudy.reports.promise import Promise
from quickstudy.storage.files import read_json
from quickstudy.tasks.detecting import Detecting

__all__ = ["QUERIES", "WINDOWS", "backbone", "coco", "counting", "most_shots", "own_photos", "settings_of", "vectors"]

WINDOWS = window_grid((0.16, 0.24, 0.36, 0.52, 0.72, 0.92), (0.08, 0.1, 0.12, 0.13, 0.14, 0.08))
"""734 windows: of six sizes and three shapes."""

QUERIES = 2
"""Images with the class that a query set has at least."""

_TASKS = 300
_PARTS = {"train": "meta-training", "val": "meta-validation", "test": "meta-test"}
_DEPTHS = {"inside": (24, 496), "around": (64, 176), "middle": (64, 496)}
_LEAST = 0.02
_DIRECTIONS, _EDGES = 8, 4.0


def backbone() -> Frozen:
    """EfficientNet-Lite0, of which a map of 28×28 cells is read.

    Raises:
        MissingExtra: its weights are not installed.
    """
    return maps_of(224)


def vectors() -> BoxVectors:
    """What is read of a window: three depths of the network inside of it, and two in its middle and around."""
    return BoxVectors(**_DEPTHS)


@functools.cache
def coco(most: int = 0) -> BoxedSplits:
    """Images of COCO 2017: other classes and other images for each part, classes as ``splits.json`` says.

    Args:
        most: only the first so many images of each archive; 0 takes all.
    """
    archives = archives_of("detection")
    found = [each for archive in archives for each in list(read_boxed(archive))[: most or None]]
    return _parted("coco", found, read_json(archives[0].parent / "splits.json"))


def own_photos(path: str) -> BoxedSplits:
    """Boxes of one's own: their classes are parted at random.

    Raises:
        DataError: what is wrong with the files, or too few classes.
    """
    found = list(read_boxed(path))
    having = Counter(label for each in found for label in counting(each))
    classes = sorted(label for label, times in having.items() if times >= 1 + QUERIES)
    parts = parts_at_random(classes, f"{path} has boxes in {1 + QUERIES} images or more for classes that")
    return _parted(Path(path).name.removesuffix(".zip"), found, parts)


def most_shots(part: BoxedImages) -> int:
    """Images that a support set can have of some class, beside those of the queries."""
    return max(len(having) for having in part.having) - QUERIES


def settings_of(
    test: BoxedImages, val: BoxedImages, shots: Sequence[int], promises: Mapping[int, tuple[Promise, ...]]
) -> dict[str, Setting]:
    """Tasks of new classes by the number of images with boxes; sizes for which there are too few are left out."""
    found = {}
    for k in shots:
        if most_shots(test) >= k:
            of_val = Detecting(val, min(k, most_shots(val)))
            name = f"{k} image{'s' if k > 1 else ''}"
            found[name] = Setting(Detecting(test, k), of_val, size=k, tasks=_TASKS, promises=promises.get(k, ()))
    return found


def counting(each: Boxed) -> set[str]:
    """Classes of which an image has a thing that is large enough and no group."""
    counts = (~each.groups & (box_area(each.boxes) >= _LEAST)).tolist()
    return {label for label, count in zip(each.labels, counts, strict=True) if count}


def _parted(name: str, found: Sequence[Boxed], parts: Mapping[str, Sequence[str]]) -> BoxedSplits:
    """Images with a class of meta-test are meta-test's, of the others those with one of meta-validation are its."""
    left = list(found)
    taken: dict[str, list[Boxed]] = {}
    for part in ("test", "val", "train"):
        taken[part] = [each for each in left if part == "train" or counting(each) & set(parts[part])]
        left = [each for each in left if not any(each is other for other in taken[part])]
        if not taken[part]:
            raise DataError(f"{name}: all images have things of other parts; none is left for {_PARTS[part]}. Add images.")
    windowed: list[BoxedImages] = []
    for part in BoxedSplits._fields:
        first = windowed[-1].units.stop if windowed else 0
        windowed.append(_windowed(f"{name}/{part}", taken[part], tuple(parts[part]), first))
    return BoxedSplits(*windowed)


def _windowed(name: str, found: Sequence[Boxed], classes: tuple[str, ...], first: int) -> BoxedImages:
    """The vectors of all windows and boxes of images, from maps that are computed once and kept."""
    reads, boxed = backbone().reads, []
    assert isinstance(reads, Cells)
    images = torch.cat([(reads.images.batch(each.image) * 255).round().to(torch.uint8) for each in found])
    sides = torch.arange(len(images)) % 2  # an index is of two classes or more; these mean nothing
    index = ClassIndex(images, sides, ("even", "odd"), name, reads=reads.images)
    maps = encoded(index, backbone(), batch=16, dtype=torch.float16)
    of_boxes = vectors()
    rows: dict[str, list[Tensor]] = {"features": [], "template": []}
    for place, each in enumerate(found):
        both = torch.cat([WINDOWS, each.boxes])
        rows["features"].append(of_boxes(maps.gather(torch.tensor([place]))[0].float(), both).half())
        rows["template"].append(_template(images[place].float() / 255, both).half())
        labels = torch.tensor([classes.index(label) if label in classes else -1 for label in each.labels], dtype=torch.long)
        boxed.append(ImageBoxes(each.boxes, labels, each.groups))
    size = len(WINDOWS)
    held = {key: torch.cat([part[:size] for part in of] + [part[size:] for part in of]) for key, of in rows.items()}
    return BoxedImages(held, WINDOWS, tuple(boxed), classes, name, least=_LEAST, first=first)


def _template(image: Tensor, boxes: Tensor) -> Tensor:
    """Colour and strength of edges by direction, in the four quarters of each box, of unit length; (boxes, 44)."""
    grey = image.mean(0)
    across = torch.nn.functional.pad(grey[:, 2:] - grey[:, :-2], (1, 1))
    down = torch.nn.functional.pad(grey[2:] - grey[:-2], (0, 0, 1, 1))
    direction = ((torch.atan2(down, across) % torch.pi) / torch.pi * _DIRECTIONS).long() % _DIRECTIONS
    edges = _EDGES * torch.hypot(down, across) * torch.nn.functional.one_hot(direction, _DIRECTIONS).movedim(-1, 0)
    maps = torch.cat([edges, image])
    left, top, right, bottom = boxes.unbind(1)
    x, y = (left + right) / 2, (top + bottom) / 2
    quarters = [(left, top, x, y), (x, top, right, y), (left, y, x, bottom), (x, y, right, bottom)]
    found = torch.cat([box_means(maps, torch.stack(quarter, 1)) for quarter in quarters], 1)
    return torch.nn.functional.normalize(found, dim=1)
