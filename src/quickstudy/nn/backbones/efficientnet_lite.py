"""EfficientNet-Lite0: inverted residual blocks without squeeze-and-excitation, for 3.4 million weights and 1,280 features.

Source: Tan & Le, 2019, EfficientNet: rethinking model scaling for convolutional neural networks; the Lite variants of
TensorFlow's repository (ReLU6, no squeeze-and-excitation).
"""

from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["EfficientNetLite0"]

_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion, width; of each stage."""


class EfficientNetLite0(Recorded, nn.Module):
    """Colour images, scaled to about [−1, 1] -> 1,280 features, the mean over positions.

    Where a convolution halves an image of even sides, the odd row and column of padding stand at the right and at the bottom, as
    in TensorFlow: images of sides that 32 divides suit the published weights best.

    Shapes:
        (examples, 3, height, width) -> (examples, 1280)

    >>> import torch
    >>> EfficientNetLite0().eval()(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 1280])
    """

    features = 1280

    def __init__(self) -> None:
        super().__init__()
        self.stem = _normed(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        before = 32
        for count, kernel, stride, expansion, width in _STAGES:
            for number in range(count):
                blocks.append(_Inverted(before, width, kernel, stride if number == 0 else 1, expansion))
                before = width
        self.blocks = nn.Sequential(*blocks)
        self.last = _normed(before, self.features, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.last(self.blocks(self.stem(x))).mean((2, 3))
        return features


def _normed(inputs: int, outputs: int, kernel: int, stride: int, *, groups: int = 1, linear: bool = False) -> nn.Sequential:
    """A convolution with TensorFlow's "same" padding for even sides, batch norm, and ReLU6 unless it is ``linear``."""
    total = kernel - stride if stride > 1 else kernel - 1
    before, after = total // 2, total - total // 2
    layers: list[nn.Module] = []
    if before != after:
        layers.append(nn.ZeroPad2d((before, after, before, after)))
    margin = before if before == after else 0
    layers.append(nn.Conv2d(inputs, outputs, kernel, stride, margin, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01))
    return nn.Sequential(*layers, *([] if linear else [nn.ReLU6()]))


class _Inverted(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.wide = _normed(inputs, width, 1, 1) if expansion > 1 else nn.Identity()
        self.deep = _normed(width, width, kernel, stride, groups=width)
        self.narrow = _normed(width, outputs, 1, 1, linear=True)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(self.deep(self.wide(x)))
        return x + y if self.residual else y
