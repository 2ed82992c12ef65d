"""Windows of images with boxes around things: from which tasks of finding a new class are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.errors import DataError
from quickstudy.functional.boxes import TrueBoxes, box_area, box_iou
from quickstudy.task import Inputs

__all__ = ["BoxedImages", "BoxedSplits", "ImageBoxes"]

_RIGHT, _WRONG = 0.5, 0.3
"""Overlap with a box of the class from which on a window is of it, and below which it is not; between, it is neither."""


class ImageBoxes(NamedTuple):
    """The boxes of an image: (boxes, 4), the class of each (-1: of none of these) and whether it is of a group (boxes,)."""

    boxes: Tensor
    labels: Tensor
    groups: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class BoxedImages:
    """Rows are windows: those of an image stand together, and after those of all images comes a row for each true box.

    Args:
        vectors: of each row by name (R, features): ``{"features": …}``, and more where methods need it.
        windows: of an image, the same in each (windows, 4).
        images: the boxes of each image.
        classes: names.
        name: of the data, used in messages and reports.
        least: share of its image that a thing must cover; smaller ones are ignored, like groups.
        first: number of the first unit, so that those of several parts differ.

    Raises:
        DataError: rows that do not fit.

    >>> boxes = ImageBoxes(torch.tensor([[0.0, 0.0, 1.0, 0.9]]), torch.tensor([0]), torch.tensor([False]))
    >>> windows = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.2, 0.2]])
    >>> images = BoxedImages({"features": torch.randn(3, 4)}, windows, (boxes,), ("cup",), "data")
    >>> images, images.labels(0, 0).tolist(), images.rows_of_boxes(0, 0).tolist()
    (BoxedImages(data: 1 images with 1 boxes of 1 classes, 2 windows each), [1, 0], [2])
    """

    vectors: dict[str, Tensor]
    windows: Tensor
    images: Sequence[ImageBoxes]
    classes: tuple[str, ...]
    name: str
    least: float = 0.02
    first: int = 0

    def __post_init__(self) -> None:
        needed = len(self.windows) * len(self.images) + sum(len(each.boxes) for each in self.images)
        wrong = {name: len(rows) for name, rows in self.vectors.items() if len(rows) != needed}
        if wrong or "features" not in self.vectors:
            raise DataError(f"{self.name}: {needed} rows of windows and boxes are needed under features; there are {wrong}.")

    def __len__(self) -> int:
        return len(self.vectors["features"])

    def __repr__(self) -> str:
        boxes = sum(len(each.boxes) for each in self.images)
        listed = f"{len(self.images)} images with {boxes} boxes of {len(self.classes)} classes, {len(self.windows)} windows each"
        return f"BoxedImages({self.name}: {listed})"

    def gather(self, rows: Tensor) -> Inputs:
        """Vectors and images of rows by number; ``rows`` of any shape."""
        found: dict[str, Tensor] = {name: held[rows].float() for name, held in self.vectors.items()}
        return found | {"unit": self._image[rows]}

    @cached_property
    def _image(self) -> Tensor:
        numbers = torch.arange(len(self.images))
        counts = torch.tensor([len(each.boxes) for each in self.images], dtype=torch.long)
        return torch.cat([numbers.repeat_interleave(len(self.windows)), numbers.repeat_interleave(counts)])

    @cached_property
    def having(self) -> tuple[Tensor, ...]:
        """For each class the images that have a thing of it that counts, by number."""
        counting = [set(each.labels[~self._ignored(each)].tolist()) for each in self.images]
        numbers = range(len(self.classes))
        return tuple(torch.tensor([i for i, met in enumerate(counting) if label in met], dtype=torch.long) for label in numbers)

    @cached_property
    def lacking(self) -> tuple[Tensor, ...]:
        """For each class the images that have nothing of it, not even a group or a tiny thing."""
        met = [set(each.labels.tolist()) for each in self.images]
        numbers = range(len(self.classes))
        return tuple(torch.tensor([i for i, held in enumerate(met) if label not in held], dtype=torch.long) for label in numbers)

    def labels(self, image: int, label: int) -> Tensor:
        """For each window of an image 1 where it is of the class, 0 where it is not, -1 where it is neither, (windows,)."""
        each = self.images[image]
        mine = each.labels == label
        overlaps = box_iou(self.windows, each.boxes[mine])
        near = (overlaps >= _WRONG).any(1)
        right = (overlaps[:, ~self._ignored(each)[mine]] >= _RIGHT).any(1)
        return torch.where(right, 1, torch.where(near, -1, 0))

    def rows_of_boxes(self, image: int, label: int) -> Tensor:
        """The rows of an image's true boxes of a class that count."""
        start = len(self.windows) * len(self.images) + sum(len(each.boxes) for each in self.images[:image])
        each = self.images[image]
        return start + torch.where((each.labels == label) & ~self._ignored(each))[0]

    def unit(self, image: Any, label: Any) -> Any:
        """The number that says of which image and class windows are, numbers or tensors of them."""
        return self.first + image * len(self.classes) + label

    @property
    def units(self) -> range:
        """The numbers of all units."""
        return range(self.first, self.first + len(self.images) * len(self.classes))

    def truth(self, unit: int) -> TrueBoxes:
        """What should be found of a class in an image, by `unit`."""
        image, label = divmod(unit - self.first, len(self.classes))
        each = self.images[image]
        mine = each.labels == label
        return TrueBoxes(each.boxes[mine], self._ignored(each)[mine], each.groups[mine])

    def _ignored(self, each: ImageBoxes) -> Tensor:
        return each.groups | (box_area(each.boxes) < self.least)


class BoxedSplits(NamedTuple):
    """Classes for meta-training, meta-validation and meta-test; no class and no image is in two."""

    train: BoxedImages
    val: BoxedImages
    test: BoxedImages

    def truth(self, unit: int) -> TrueBoxes:
        """What should be found in a unit of any part."""
        return next(part for part in self if unit in part.units).truth(unit)
