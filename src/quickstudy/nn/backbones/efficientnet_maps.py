"""EfficientNet-Lite0 up to its eleventh block, read at three depths, with statistics of colour: for images unlike photos.

Sources: Tan & Le, 2019, EfficientNet: rethinking model scaling for convolutional neural networks; Yosinski, Clune, Bengio &
Lipson, 2014, How transferable are features in deep neural networks? (Middle layers carry over to unlike images better.)
"""

import torch
from torch import Tensor, nn

from quickstudy.nn.backbones.efficientnet_lite import EfficientNetLite0
from quickstudy.storage.blueprint import Recorded

__all__ = ["EfficientNetMaps"]

_DEPTHS = (2, 4, 10)
"""Blocks whose maps are read: 24, 40 and 112 channels."""

_SHARES = (0.1, 0.5, 0.9)


class EfficientNetMaps(Recorded, nn.Module):
    """Colour images -> means and deviations over positions of maps at three depths (352), and statistics of colour (39).

    The first 352 features are what the middle of a network trained on photos sees: edges, textures, parts. Of the others, 24
    are of the whole image: mean, deviation and quantiles (10, 50, 90 %) of each channel, mean and deviation of the range and of
    the maximum of the channels, the mean step between neighbours across, down and two down, mean green − red and blue − green;
    and 15 of its middle half: mean, deviation and quantiles. Each number is a pixel's as it comes in.

    Shapes:
        (examples, 3, height, width) -> (examples, 391)

    >>> EfficientNetMaps().eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 391])
    """

    features = 391
    colours = 39
    """How many of the last features are statistics of colour."""

    def __init__(self) -> None:
        super().__init__()
        whole = EfficientNetLite0()
        self.stem, self.blocks = whole.stem, whole.blocks[: _DEPTHS[-1] + 1]

    def forward(self, x: Tensor) -> Tensor:
        found, maps = [], self.stem(x)
        for depth, block in enumerate(self.blocks.children()):
            maps = block(maps)
            if depth in _DEPTHS:
                found += [maps.mean((2, 3)), maps.std((2, 3), correction=0)]
        height, width = x.shape[2] // 4, x.shape[3] // 4
        middle = x[:, :, height : x.shape[2] - height, width : x.shape[3] - width]
        return torch.cat([*found, *_of_colour(x), *_more_of_colour(x), *_of_colour(middle)], 1)


def _of_colour(x: Tensor) -> list[Tensor]:
    """Mean, deviation and quantiles of each channel, 15 numbers."""
    ordered = x.flatten(2).sort(2).values
    last = ordered.shape[2] - 1
    return [x.mean((2, 3)), x.std((2, 3), correction=0), *[ordered[:, :, round(share * last)] for share in _SHARES]]


def _more_of_colour(x: Tensor) -> list[Tensor]:
    """Of how grey and how bright pixels are, how unlike their neighbours, and which channels outweigh which; 9 numbers."""
    brightest = x.amax(1)
    both, grey = torch.stack([brightest - x.amin(1), brightest], 1), x.mean(1)
    steps = [grey[:, :, 1:] - grey[:, :, :-1], grey[:, 1:] - grey[:, :-1], grey[:, 2:] - grey[:, :-2]]
    tints = x.mean((2, 3)).diff(dim=1)
    return [both.mean((2, 3)), both.std((2, 3), correction=0), torch.stack([step.abs().mean((1, 2)) for step in steps], 1), tints]
