"""Images with a mask of one class each, cut into cells: from which tasks of new classes are drawn."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.task import Inputs

__all__ = ["MaskedImages", "MaskedSplits"]


@dataclass(frozen=True, eq=False, repr=False)
class MaskedImages:
    """Cells of images, each marked or not. A row is a cell; those of an image stand together, row by row from its top left.

    Args:
        maps: a map of each image, (D, height, width), and the class that its mask is of; in groups where images belong together
            (parts of one photo).
        masks: which cells are of the class, booleans (images, height, width).
        reads: how a raw image becomes rows, if there is a backbone behind the maps.
        folds: of classes, for what is cross-fitted in meta-training (`nn.CrossFitted`): rows have a leaf ``fold`` then, the
            number of their class modulo it.

    Raises:
        DataError: masks that do not fit the maps, or that mark nothing or all of an image.

    >>> maps = ClassIndex(torch.zeros(4, 5, 2, 2), torch.tensor([0, 0, 1, 1]), ("cup", "fork"))
    >>> images = MaskedImages(maps, torch.eye(2, dtype=torch.bool).expand(4, 2, 2))
    >>> images, images.gather(torch.tensor([3, 4]))["unit"].tolist(), images.marked[:5].tolist()
    (MaskedImages(data: 4 images of 2 classes, 4 cells each), [0, 1], [True, False, False, True, True])
    """

    maps: ClassIndex
    masks: Tensor
    reads: InputKind | None = None
    folds: int = 0

    def __post_init__(self) -> None:
        if self.masks.ndim != 3 or len(self.masks) != len(self.maps) or self.masks.dtype != torch.bool:
            raise DataError(
                f"{self.name}: masks of shape {tuple(self.masks.shape)} came with {len(self.maps)} maps. Give booleans (images, "
                "height, width)."
            )
        marked = self.masks.flatten(1)
        wrong = torch.where(marked.all(1) | ~marked.any(1))[0].tolist()
        if wrong:
            raise DataError(f"{self.name}: the mask of image {wrong[0]} marks {'all' if marked[wrong[0]].any() else 'no'} cells.")

    @property
    def name(self) -> str:
        """Of the data, used in messages and reports."""
        return self.maps.name

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.maps.classes

    @property
    def cells(self) -> int:
        """Cells of an image."""
        return self.masks[0].numel()

    @cached_property
    def marked(self) -> Tensor:
        """Whether each row is of its image's class, (R,)."""
        return self.masks.flatten()

    @cached_property
    def having(self) -> tuple[tuple[NDArray[np.int64], ...], ...]:
        """For each class its groups of images, as numbers of images."""
        groups = self.maps.groups if self.maps.groups is not None else torch.arange(len(self.maps))
        found = []
        for label in range(len(self.classes)):
            images = torch.where(self.maps.labels == label)[0]
            inside = groups[images]
            found.append(tuple(images[inside == group].numpy() for group in torch.unique(inside)))
        return tuple(found)

    def __len__(self) -> int:
        return self.masks.numel()

    def __repr__(self) -> str:
        listed = f"{len(self.masks):,} images of {len(self.classes)} classes, {self.cells} cells each"
        return f"MaskedImages({self.name}: {listed})"

    def gather(self, rows: Tensor) -> Inputs:
        """Features and images of rows by number; ``rows`` of any shape."""
        images = rows // self.cells
        met, place = torch.unique(images, return_inverse=True)
        maps: Any = self.maps.gather(met)
        features = maps.flatten(2).transpose(1, 2)[place, rows % self.cells]
        found = {"features": features, "unit": images}
        return found | ({"fold": self.maps.labels[images] % self.folds} if self.folds else {})

    def select(self, classes: tuple[str, ...], name: str) -> "MaskedImages":
        """The images of some classes, two or more, by name.

        Raises:
            DataError: a class that is not there, or fewer than two.
        """
        chosen = self.maps.select(classes, name)
        numbers = [self.classes.index(label) for label in classes]
        kept = torch.isin(self.maps.labels, torch.tensor(numbers))
        return replace(self, maps=chosen, masks=self.masks[kept])

    def frequent(self, least: int) -> "MaskedImages":
        """Only classes of ``least`` groups of images.

        Raises:
            DataError: fewer than two classes are left.
        """
        kept = tuple(label for label, groups in zip(self.classes, self.having, strict=True) if len(groups) >= least)
        if len(kept) == len(self.classes):
            return self
        if len(kept) < 2:
            sizes = ", ".join(f"{label} ({len(groups)})" for label, groups in zip(self.classes, self.having, strict=True))
            raise DataError(f"{self.name}: {least} images of two classes or more are needed. There are: {sizes}. Mark more.")
        return self.select(kept, self.name)

    def index(self, most: int, seed: int = 0) -> ClassIndex:
        """Some cells, as rows of two classes, background and marked.

        Args:
            most: cells, at random.
            seed: of the choice.
        """
        rows = torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:most]
        found = self.gather(rows)
        return ClassIndex(found["features"], self.marked[rows].long(), ("background", "marked"), self.name)


class MaskedSplits(NamedTuple):
    """Classes for meta-training, meta-validation and meta-test; no class is in two."""

    train: MaskedImages
    val: MaskedImages
    test: MaskedImages
