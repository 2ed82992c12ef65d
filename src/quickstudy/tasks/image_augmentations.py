"""Small random augmentations of images: shifted, rotated, scaled, partly erased; on whole tensors.

A change is a function of images and of uniform numbers, so that whoever gives the numbers decides what happens.

Sources: Simard, Steinkraus & Platt, 2003, Best practices for convolutional neural networks (affine distortions); Zhong, Zheng,
Kang, Li & Yang, 2020, Random erasing data augmentation.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from quickstudy.errors import TaskError

__all__ = ["Erase", "ImageAugmentation", "Warp"]


class ImageAugmentation(Protocol):
    """A change of images: how many uniform numbers it takes for each, and the function."""

    @property
    def numbers(self) -> int: ...

    def __call__(self, x: Tensor, u: Tensor) -> Tensor:
        """Images (R, C, H, W) changed by uniform numbers (R, numbers); shape and range stay."""


@dataclass(frozen=True)
class Warp:
    """Each image is shifted, rotated and scaled at random; the border is repeated outside.

    Args:
        shift: at most, as a share of the image's width and height.
        turn: at most, in degrees.
        scale: at most, larger or smaller, as a share.

    Raises:
        TaskError: a negative size, or a scale of 1 or more.

    >>> x = torch.rand(2, 1, 8, 8)
    >>> same = Warp()(x, torch.full((2, 4), 0.5))  # in the middle of every range nothing happens
    >>> torch.allclose(same, x, atol=1e-5)
    True
    """

    shift: float = 0.1
    turn: float = 15.0
    scale: float = 0.1

    def __post_init__(self) -> None:
        if min(self.shift, self.turn, self.scale) < 0 or self.scale >= 1:
            raise TaskError(f"{self}: shift, turn and scale must not be negative, and scale must be below 1.")

    @property
    def numbers(self) -> int:
        return 4

    def __call__(self, x: Tensor, u: Tensor) -> Tensor:
        right, down, turn, size = (2 * u.to(x.dtype) - 1).unbind(1)
        angle, zoom = math.radians(self.turn) * turn, 1 + self.scale * size
        height, width = x.shape[-2:]
        cos, sin = angle.cos() * zoom, angle.sin() * zoom
        rows = [cos, -sin * height / width, 2 * self.shift * right, sin * width / height, cos, 2 * self.shift * down]
        grid = torch.nn.functional.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
        return torch.nn.functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class Erase:
    """A rectangle of some images is erased.

    Args:
        share: of the images that lose a rectangle.
        smallest, largest: its sides, as shares of the image's.
        fill: the value inside it.

    Raises:
        TaskError: shares that are no shares, or sides in the wrong order.

    >>> x = torch.ones(1, 1, 10, 10)
    >>> int((Erase(share=1, smallest=0.2, largest=0.2)(x, torch.rand(1, 5)) == 0).sum())
    4
    """

    share: float = 0.5
    smallest: float = 0.1
    largest: float = 0.35
    fill: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.smallest <= self.largest <= 1):
            raise TaskError(f"{self}: share, smallest and largest must lie in 0..1, and smallest must not exceed largest.")

    @property
    def numbers(self) -> int:
        return 5

    def __call__(self, x: Tensor, u: Tensor) -> Tensor:
        covered = u[:, 0] < self.share
        inside = [self._within(u[:, n], u[:, n + 1], size) for n, size in ((1, x.shape[-2]), (3, x.shape[-1]))]
        box = inside[0][:, :, None] & inside[1][:, None, :] & covered[:, None, None]
        return x.masked_fill(box[:, None], self.fill)

    def _within(self, long: Tensor, place: Tensor, size: int) -> Tensor:
        """Which of ``size`` lines each rectangle covers, (R, size)."""
        length = ((self.smallest + (self.largest - self.smallest) * long) * size).round()
        start = torch.minimum((place * (size - length + 1)).floor(), size - length)
        lines = torch.arange(size, device=place.device)
        return (lines >= start[:, None]) & (lines < (start + length)[:, None])
