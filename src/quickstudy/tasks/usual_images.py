"""Statistics of the images that a source draws from."""

from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.inputs.images import Images
from quickstudy.inputs.statistics import ImageStatistics, image_statistics
from quickstudy.tasks.source import TaskSource

__all__ = ["usual_images"]


def usual_images(source: TaskSource[Any], most: int = 1000) -> ImageStatistics | None:
    """Statistics of a source's images, of ``most`` of its rows spread over all; None where it has no images.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> from quickstudy.tasks.few_shot import FewShot
    >>> index = from_arrays(torch.randint(0, 256, (60, 8, 8), dtype=torch.uint8), torch.arange(60) % 6)
    >>> usual_images(FewShot(index, queries=5)).images
    60
    """
    found = [_spread(index, most) for index in _indices(source) if isinstance(index.reads, Images)]
    same = [rows for rows in found if rows.shape[1:] == found[0].shape[1:] and rows.ndim == 4]
    return image_statistics(torch.cat(same)) if same else None


def _indices(source: Any) -> list[ClassIndex]:
    """Of a source, or of the sources it is made of."""
    index = getattr(source, "index", None)
    if isinstance(index, ClassIndex):
        return [index]
    inner = [getattr(source, "source", None), *getattr(source, "sources", ())]
    return [index for part in inner if part is not None for index in _indices(part)]


def _spread(index: ClassIndex, most: int) -> Tensor:
    rows = torch.arange(0, len(index), max(1, len(index) // most))
    return torch.cat([index.gather(part) for part in torch.split(rows, 100)])
