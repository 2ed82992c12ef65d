"""A vector for each box in an image: what a map shows inside of it, in its middle and around it, and its size and place."""

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.boxes import box_means, grown
from quickstudy.storage.blueprint import Recorded

__all__ = ["BoxVectors"]

_AROUND, _MIDDLE = 0.3, -0.25
_LEAST = 1e-3


class BoxVectors(Recorded, nn.Module):
    """``(m(b), m(b⁺) − m(b), m(b⁻) − m(b), w, h, log w, log h, x, y)``, where m is a map's mean in a box.

    b⁺ is the box grown by 0.3 of its sides at each edge, so that a box that is cut off by a thing's outline differs from one
    that goes around it, and b⁻ its middle half. x and y are its centre.

    Source: Girshick, 2015, Fast R-CNN (means of one map instead of a network for each window).

    Args:
        inside: channels of the map from and to, of which means are taken.
        around: those compared with what is around.
        middle: those compared with the middle.

    Raises:
        LearnerError: channels in no order.

    Shapes:
        map (channels, height, width), boxes (boxes, 4) -> (boxes, features)

    >>> vectors = BoxVectors((0, 4), (0, 2), (2, 4))
    >>> vectors(torch.randn(4, 7, 7), torch.tensor([[0.0, 0.0, 0.5, 0.5]])).shape, vectors.features
    (torch.Size([1, 14]), 14)
    """

    def __init__(self, inside: tuple[int, int], around: tuple[int, int], middle: tuple[int, int]) -> None:
        super().__init__()
        for name, (start, stop) in {"inside": inside, "around": around, "middle": middle}.items():
            if not 0 <= start <= stop:
                raise LearnerError(f"{name}=({start}, {stop}) must be channels from and to, 0 <= from <= to.")
        self.inside, self.around, self.middle = inside, around, middle
        self.features = sum(stop - start for start, stop in (inside, around, middle)) + 6

    def forward(self, maps: Tensor, boxes: Tensor) -> Tensor:
        every = torch.cat([boxes, grown(boxes, _AROUND), grown(boxes, _MIDDLE)])
        whole, around, middle = box_means(maps, every).view(3, boxes.shape[0], -1)
        sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=_LEAST).to(maps.dtype)
        centre = ((boxes[:, 2:] + boxes[:, :2]) / 2).to(maps.dtype)
        spans = zip((whole, around - whole, middle - whole), (self.inside, self.around, self.middle), strict=True)
        return torch.cat([*(each[:, slice(*span)] for each, span in spans), sides, sides.log(), centre], 1)
