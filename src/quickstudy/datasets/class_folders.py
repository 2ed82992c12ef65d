"""Class folders of images, on disk or in a ZIP, read by one set of rules into an index of classes."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeVar

import torch
from torch import Tensor

from quickstudy.datasets import on_demand
from quickstudy.datasets.class_index import ClassIndex, Rows
from quickstudy.datasets.class_names import check_names, report_near_names
from quickstudy.datasets.image_reading import ImageReading, OnError
from quickstudy.errors import Argument, DataError
from quickstudy.inputs.images import Images

__all__ = ["ClassFolders", "nested", "passed_beside"]

_LISTED = 5
_log = logging.getLogger("quickstudy")
Item = TypeVar("Item")


@dataclass(frozen=True)
class ClassFolders:
    """How class folders are read.

    Args:
        where: the folder or the file that holds them, for messages.
        name: of the index.
        reads: how each image becomes a row.
        on_error: "skip" leaves broken images out; otherwise all of them are named together.
        smallest: classes with fewer images are left out, and named in the log; 0 refuses a class without images.
        order: puts the classes in an order; by name otherwise.
    """

    where: str
    name: str
    reads: Images
    on_error: OnError
    smallest: int = 0
    order: Callable[[list[str]], list[str]] = sorted

    def fits(self, count: int) -> bool:
        """Whether so many images are held in memory."""
        return count * math.prod(self.reads.shape) <= on_demand.IN_MEMORY

    def read(
        self,
        listed: Mapping[str, Sequence[Item]],
        opened: Callable[[Item], Any],
        *,
        lazy: Callable[[Item], Any] | None = None,
        instead: str = "",
    ) -> ClassIndex:
        """The index of what is listed by class.

        Args:
            listed: the images of each class.
            opened: what the reader takes for one of them; called when its turn comes.
            lazy: the same for rows that are read on demand, where all together would fill the memory.
            instead: what else may be meant, if none of them is an image.

        Raises:
            DataError: broken images, a class without images, names that are nearly one.
        """
        classes = self._large_enough({label: len(items) for label, items in listed.items()})
        check_names(classes, self.where)
        classes = self.order(classes)
        total = sum(len(listed[label]) for label in classes)
        large = lazy is not None and not self.fits(total)
        reading = ImageReading(self.reads, self.on_error, keep=0 if large else total)
        found: list[Item] = []
        labels: list[str] = []
        for label in classes:
            for item in listed[label]:
                if reading.add(lambda item=item: opened(item)):  # type: ignore[misc]
                    found.append(item)
                    labels.append(label)
        if not found:
            raise DataError(f"{self.where} holds no image that can be read: {reading.broken[0]}{instead}")
        reading.check(self.where)
        counts = dict.fromkeys(classes, 0)
        for label in labels:
            counts[label] += 1
        filled = self._large_enough(counts)
        x = on_demand.ImagesOnDemand(tuple(map(lazy, found)), self.reads) if large and lazy is not None else reading.rows()
        kept = [row for row, label in enumerate(labels) if label in set(filled)] if len(filled) < len(classes) else None
        index = self._index(x if kept is None else _some(x, kept), labels if kept is None else [labels[row] for row in kept])
        report_near_names(index.classes, self.where)
        return index

    def _index(self, x: Tensor | Rows, labels: Sequence[str]) -> ClassIndex:
        classes = tuple(dict.fromkeys(labels))
        number = {label: place for place, label in enumerate(classes)}
        return ClassIndex(x, torch.tensor([number[label] for label in labels]), classes, self.name, reads=self.reads)

    def _large_enough(self, counts: Mapping[str, int]) -> list[str]:
        """Classes that are not left out."""
        small = {label: count for label, count in counts.items() if count < max(1, self.smallest)}
        if small and not self.smallest:
            label = next(iter(small))
            raise DataError(
                f"{self.where}/{label} holds no images. Put at least one into it, or remove the folder; or leave such classes "
                "out: ",
                Argument("smallest", 1),
                ".",
            )
        if small:
            named = ", ".join(f"{label} ({count})" for label, count in list(small.items())[:_LISTED])
            more = f" and {len(small) - _LISTED:,} more" if len(small) > _LISTED else ""
            _log.warning("%s: classes left out for having fewer than %d images: %s%s", self.where, self.smallest, named, more)
        if len(small) == len(counts):
            raise DataError(
                f"no class of {self.where} has {self.smallest} images. Give more, or lower ", Argument("smallest"), "."
            )
        return [label for label in counts if label not in small]


def _some(x: Tensor | Rows, rows: list[int]) -> Tensor | Rows:
    if isinstance(x, on_demand.ImagesOnDemand):
        return on_demand.ImagesOnDemand(tuple(x.files[row] for row in rows), x.reads)
    assert isinstance(x, Tensor)
    return x[torch.tensor(rows)]


def nested(where: object, inside: object, deeper: PurePath) -> DataError:
    """The error for folders within class folders: which of the two readings is meant?

    Args:
        where: the folder or ZIP that was given.
        inside: the folder in it that holds folders instead of images.
        deeper: a path within the folder, down to a folder.
    """
    return DataError(
        f"{where} holds folders of folders ({deeper.as_posix()}). If each folder that holds images is a class, named by its "
        "path, give ",
        Argument("by_path", True),
        f"; or give {inside}, if its folders are the classes.",
    )


def passed_beside(count: int, where: object) -> None:
    """Reports files that lie beside the class folders and are not read."""
    if count:
        _log.warning("%s: files beside the class folders, not read: %d", where, count)
