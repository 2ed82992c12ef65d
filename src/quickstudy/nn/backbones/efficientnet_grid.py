"""EfficientNet-Lite0 as a map: a vector for each cell of 8×8 pixels, of four depths, with its colour and its place.

Sources: Tan & Le, 2019, EfficientNet: rethinking model scaling for convolutional neural networks; Hariharan, Arbelaez, Girshick
& Malik, 2015, Hypercolumns for object segmentation and fine-grained localization (maps of several depths, brought to one size).
"""

import torch
from torch import Tensor, nn

from quickstudy.nn.backbones.efficientnet_lite import EfficientNetLite0
from quickstudy.storage.blueprint import Recorded

__all__ = ["EfficientNetGrid"]

_DEPTHS = (2, 4, 10, 15)
"""Blocks whose maps are read: 24, 40, 112 and 320 channels, at strides of 4, 8, 16 and 32."""

_AROUND = 5
"""Cells of the square that a colour is compared with."""


class EfficientNetGrid(Recorded, nn.Module):
    """Colour images -> for each cell of 8×8 pixels what four depths of the network see there (496), colour (6) and place (2).

    Maps of other strides are brought to that of the cells: finer ones by means, coarser ones by bilinear interpolation. Colour is
    the mean of each channel over the cell, and how far it is from the mean of the 5×5 cells around. Place is the cell's centre,
    (x, y) from −1 at the left and at the top to 1.

    Shapes:
        (examples, 3, height, width), sides that 32 divides -> (examples, 504, height / 8, width / 8)

    >>> EfficientNetGrid().eval()(torch.zeros(2, 3, 64, 32)).shape
    torch.Size([2, 504, 8, 4])
    """

    features = 504
    depths = 496
    """How many of the first features are of the network."""
    cell = 8
    """Pixels along the side of a cell."""

    def __init__(self) -> None:
        super().__init__()
        whole = EfficientNetLite0()
        self.stem, self.blocks = whole.stem, whole.blocks

    def forward(self, x: Tensor) -> Tensor:
        sides = (x.shape[2] // self.cell, x.shape[3] // self.cell)
        found, maps = [], self.stem(x)
        for depth, block in enumerate(self.blocks.children()):
            maps = block(maps)
            if depth in _DEPTHS:
                found.append(_brought_to(maps, sides))
        colour = nn.functional.avg_pool2d(x, self.cell)
        around = nn.functional.avg_pool2d(colour, _AROUND, 1, _AROUND // 2, count_include_pad=False)
        return torch.cat([*found, colour, colour - around, _places(colour)], 1)


def _brought_to(maps: Tensor, sides: tuple[int, int]) -> Tensor:
    if maps.shape[2] < sides[0]:
        return nn.functional.interpolate(maps, size=sides, mode="bilinear", align_corners=False)
    times = maps.shape[2] // sides[0]
    return nn.functional.avg_pool2d(maps, times) if times > 1 else maps


def _places(like: Tensor) -> Tensor:
    """The centre of each cell, (examples, 2, height, width)."""
    height, width = like.shape[2:]
    across, down = ((2 * torch.arange(n, dtype=like.dtype, device=like.device) + 1) / n - 1 for n in (width, height))
    return torch.stack([across.expand(height, -1), down[:, None].expand(-1, width)]).expand(like.shape[0], -1, -1, -1)
