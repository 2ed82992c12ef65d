"""Boxes around things in an image: how much two overlap, which to keep, and the means of a map inside of them.

Boxes are rows (left, top, right, bottom), as shares of the image's width and height, from 0 to 1.

Sources: Felzenszwalb, Girshick, McAllester & Ramanan, 2010, Object detection with discriminatively trained part-based models
(windows, suppression); Viola & Jones, 2001, Rapid object detection using a boosted cascade (sums by integral images).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["TrueBoxes", "box_area", "box_iou", "box_means", "grown", "overlaps", "suppressed", "window_grid"]


@dataclass(frozen=True)
class TrueBoxes:
    """The boxes of a class in an image.

    Args:
        boxes: (boxes, 4), as above.
        ignored: which neither have to be found nor count as wrong when they are (boxes,): groups, tiny things.
        groups: which of them are around a group of things (boxes,).
    """

    boxes: Tensor
    ignored: Tensor
    groups: Tensor


def box_area(boxes: Tensor) -> Tensor:
    """The share of the image that each box covers, (boxes,); 0 for one whose sides are crossed.

    >>> box_area(torch.tensor([[0.0, 0.0, 0.5, 0.5]]))
    tensor([0.2500])
    """
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """``|A ∩ B| / |A ∪ B|`` of each of a and each of b, (boxes of a, boxes of b); 0 where both are empty.

    >>> box_iou(torch.tensor([[0.0, 0.0, 0.5, 1.0]]), torch.tensor([[0.25, 0.0, 0.75, 1.0], [0.5, 0.0, 1.0, 1.0]]))
    tensor([[0.3333, 0.0000]])
    """
    both = _both(a, b)
    either = box_area(a)[:, None] + box_area(b)[None] - both
    return torch.where(either > 0, both / either.clamp(min=torch.finfo(either.dtype).tiny), 0.0)


def _both(a: Tensor, b: Tensor) -> Tensor:
    """The area in both of each pair."""
    low, high = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    return (high - low).clamp(min=0).prod(-1)


def overlaps(found: Tensor, true: TrueBoxes) -> Tensor:
    """How much each found box overlaps each true one, as COCO counts it: of a group, the share of the found box inside of it.

    >>> group = TrueBoxes(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([True]), torch.tensor([True]))
    >>> overlaps(torch.tensor([[0.0, 0.0, 0.2, 0.2], [0.9, 0.0, 1.1, 1.0]]), group)
    tensor([[1.0000],
            [0.5000]])
    """
    inside = _both(found, true.boxes) / box_area(found).clamp(min=torch.finfo(found.dtype).tiny)[:, None]
    return torch.where(true.groups, inside, box_iou(found, true.boxes))


def suppressed(boxes: Tensor, scores: Tensor, *, overlap: float = 0.5, most: int = 100) -> Tensor:
    """Numbers of the boxes that are kept, best first: each box leaves out those after it that overlap it by more.

    Non-maximum suppression, greedy. Of equal scores the first is the better.

    Args:
        boxes: (boxes, 4).
        scores: (boxes,).
        overlap: intersection over union above which the worse box is left out.
        most: only so many of the best boxes are taken.

    >>> boxes = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.05, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]])
    >>> suppressed(boxes, torch.tensor([0.3, 0.9, 0.5]))
    tensor([1, 2])
    """
    order = torch.argsort(scores, descending=True, stable=True)[:most]
    over = box_iou(boxes[order], boxes[order]) > overlap
    kept: list[int] = []
    rows = over.cpu().numpy()
    left_out = np.zeros(len(order), dtype=bool)
    for place in range(len(order)):
        if not left_out[place]:
            kept.append(place)
            left_out |= rows[place]
    return order[torch.tensor(kept, dtype=torch.long, device=boxes.device)]


def window_grid(sizes: Sequence[float], steps: Sequence[float], shapes: Sequence[float] = (0.5, 1.0, 2.0)) -> Tensor:
    """Windows of several sizes and shapes, evenly over the image, (windows, 4).

    A window of size s and shape a is ``s √a`` wide and ``s / √a`` high, at most the whole image; windows of a size start every
    ``step`` across and down.

    Args:
        sizes: side of the square of the same area, each.
        steps: from window to window, one for each size.
        shapes: width by height.

    >>> window_grid([1.0, 0.5], [1.0, 0.5], [1.0]).tolist()[:3]
    [[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5], [0.0, 0.5, 0.5, 1.0]]
    """
    found = []
    for size, step in zip(sizes, steps, strict=True):
        for shape in shapes:
            width, height = min(size * shape**0.5, 1.0), min(size / shape**0.5, 1.0)
            across, down = (torch.arange(0, 1 - side + 1e-6, step, dtype=torch.float64) for side in (width, height))
            corners = torch.cartesian_prod(across, down)
            found.append(torch.cat([corners, corners + torch.tensor([width, height], dtype=torch.float64)], 1))
    return torch.cat(found).float().clamp(0, 1)


def grown(boxes: Tensor, share: float) -> Tensor:
    """Boxes of the same centre whose sides are moved outwards by a share of their length, inwards below 0; cut at the image.

    >>> grown(torch.tensor([[0.2, 0.4, 0.6, 0.6]]), 0.5)
    tensor([[0.0000, 0.3000, 0.8000, 0.7000]])
    """
    sides = share * (boxes[:, 2:] - boxes[:, :2])
    return torch.cat([boxes[:, :2] - sides, boxes[:, 2:] + sides], 1).clamp(0, 1)


def box_means(maps: Tensor, boxes: Tensor) -> Tensor:
    """The mean of a map inside of each box, cells counted by the share that is inside; (boxes, channels).

    Sums come from an integral image, so that a box costs the same whatever its size.

    Args:
        maps: (channels, height, width) of one image.
        boxes: (boxes, 4), each of an area above 0.

    >>> maps = torch.tensor([[[1.0, 3.0], [5.0, 7.0]]])
    >>> box_means(maps, torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.25, 0.0, 0.75, 0.5]]))
    tensor([[4.],
            [2.]])
    """
    height, width = maps.shape[1:]
    sums = torch.nn.functional.pad(maps.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    left, top, right, bottom = boxes.double().unbind(1)

    def until(x: Tensor, y: Tensor) -> Tensor:
        """The sum left of x and above y, (boxes, channels)."""
        place = torch.stack([2 * x - 1, 2 * y - 1], -1)[None, None]
        return torch.nn.functional.grid_sample(sums[None], place, mode="bilinear", align_corners=True)[0, :, 0].T

    inside = until(right, bottom) - until(left, bottom) - until(right, top) + until(left, top)
    cells = ((right - left) * width * ((bottom - top) * height)).clamp(min=torch.finfo(torch.float64).tiny)
    return (inside / cells[:, None]).to(maps.dtype)
