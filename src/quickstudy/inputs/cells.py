"""Images as rows, one for each cell of a grid: the cell's own pixels, its place, and which image it is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.task import Inputs

__all__ = ["Cells"]

_LEAVES = ("pixels", "place", "unit")


@dataclass(frozen=True)
class Cells(InputKind):
    """Turns an image into a row for each cell of a grid of squares, row by row from the top left.

    An image of any size is brought to ``size × size`` pixels, colour. Rows of equal ``unit`` are one image: its cells together
    hold each of its pixels once, and ``place`` counts them from 0. What sees the whole image needs all of them, in order.

    Args:
        size: of the square that an image is brought to, in pixels.
        cell: side of a cell in pixels; it divides the size.

    Raises:
        DataError: sizes that are no positive whole numbers, or do not divide.

    >>> rows = Cells(size=64, cell=8).batch([torch.zeros(3, 40, 30), torch.ones(3, 90, 90)])
    >>> rows["pixels"].shape, rows["place"].tolist()[62:66], rows["unit"].tolist()[62:66]
    (torch.Size([128, 3, 8, 8]), [62, 63, 0, 1], [0, 0, 1, 1])
    """

    name: ClassVar[str] = "cells"
    things: ClassVar[str] = "images"
    again: ClassVar[str] = "learner.reads.batch(images)"
    parts: ClassVar[str] = "cells"

    size: int = 160
    cell: int = 8

    def __post_init__(self) -> None:
        numbers = (self.size, self.cell)
        if any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in numbers) or self.size % self.cell:
            raise DataError(f"size={shown(self.size)} and cell={shown(self.cell)}: give whole numbers of pixels that divide.")

    @property
    def side(self) -> int:
        """Cells along a side of the grid."""
        return self.size // self.cell

    @property
    def images(self) -> Images:
        """How an image becomes the square that is cut into cells."""
        return Images(self.size, channels=3, strokes=False)

    def gives(self, rows: RowShape) -> bool:
        shapes = {"pixels": (3, self.cell, self.cell), "place": (), "unit": ()}
        return {place: shape for place, shape, _ in rows.tensors} == {f"['{name}']": shape for name, shape in shapes.items()}

    def batch(self, things: Any) -> Inputs:
        """Rows of all cells of one image or many; or rows that were read already.

        Raises:
            DataError: something that is no image.
        """
        if isinstance(things, Mapping):
            return self._read_already(things)
        images = self.images.batch(things)
        count = len(images)
        pixels = images.unfold(2, self.cell, self.cell).unfold(3, self.cell, self.cell)  # (images, 3, side, side, cell, cell)
        each = self.side**2
        return {
            "pixels": pixels.permute(0, 2, 3, 1, 4, 5).reshape(count * each, 3, self.cell, self.cell),
            "place": torch.arange(each).repeat(count),
            "unit": torch.arange(count).repeat_interleave(each),
        }

    def _read_already(self, rows: Mapping[str, Any]) -> Inputs:
        found = {name: rows[name] for name in _LEAVES if isinstance(rows.get(name), Tensor)}
        if len(found) < len(_LEAVES) or found["pixels"].shape[1:] != (3, self.cell, self.cell):
            raise DataError(
                f"a record of {', '.join(map(str, rows))} is no image. Give images, or rows that were read: tensors "
                f"{', '.join(_LEAVES)}, with pixels (3, {self.cell}, {self.cell})."
            )
        return found
