"""ResNet-12, the deeper backbone of the few-shot papers, with DropBlock on request.

Source: Lee, Maji, Ravichandran & Soatto, 2019, Meta-learning with differentiable convex optimization (widths 64 to 640);
Ghiasi, Lin & Le, 2018, DropBlock: a regularization method for convolutional networks.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from quickstudy.errors import ShapeError
from quickstudy.nn.exact_norm import ExactBatchNorm2d, laid_out
from quickstudy.storage.blueprint import Recorded

__all__ = ["DropBlock", "ResNet12"]

_BLOCK = 5


class DropBlock(nn.Module):
    """Sets whole squares of each channel's map to 0 in training, and scales the rest up; nothing in eval mode.

    Args:
        rate: the expected share of positions that is dropped.
        size: side of a square; a smaller map has squares of its own side.

    Shapes:
        (examples, channels, height, width) -> the same

    >>> DropBlock(0.5).eval()(torch.ones(1, 1, 2, 2)).tolist()
    [[[[1.0, 1.0], [1.0, 1.0]]]]
    """

    def __init__(self, rate: float, size: int = _BLOCK) -> None:
        super().__init__()
        self.rate, self.size = rate, size

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        side = min(self.size, *x.shape[2:])
        free = (x.shape[2] - side + 1) * (x.shape[3] - side + 1)
        seed_rate = self.rate * x.shape[2] * x.shape[3] / side**2 / free
        corners = (torch.rand(*x.shape[:2], x.shape[2] - side + 1, x.shape[3] - side + 1, device=x.device) < seed_rate).to(x)
        dropped = nn.functional.max_pool2d(nn.functional.pad(corners, (side - 1,) * 4), side, 1)
        kept = 1 - dropped
        return x * kept * (kept.numel() / kept.sum().clamp(min=1))

    def extra_repr(self) -> str:
        return f"rate={self.rate}, size={self.size}"


class ResNet12(Recorded, nn.Module):
    """Four residual blocks of three 3×3 convolutions with batch norm and leaky ReLU (0.1), each pooled 2×2; then the mean.

    Args:
        channels: of the images.
        widths: filters of the four blocks; (64, 160, 320, 640) in the papers, which is 12.4 million weights in colour.
        outputs: size of the final linear layer; None returns the features.
        drop: share that is dropped in training, by dropout in the first two blocks and by DropBlock in the last two; 0.1 in the
            paper.

    Raises:
        ShapeError: other than four widths, or a share outside of [0, 1).

    Shapes:
        (examples, channels, height, width), sides of 16 or more -> (examples, features or outputs)

    >>> network = ResNet12(widths=(4, 8, 8, 16))
    >>> network(torch.zeros(2, 3, 32, 32)).shape, network.features
    (torch.Size([2, 16]), 16)
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = (64, 160, 320, 640),
        *,
        outputs: int | None = None,
        drop: float = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) != 4 or not 0 <= drop < 1:
            raise ShapeError(f"ResNet12 has four widths and drops a share from 0 to below 1, not widths={widths}, drop={drop}.")
        drops = [nn.Dropout(drop), nn.Dropout(drop), DropBlock(drop), DropBlock(drop)]
        self.blocks = nn.Sequential(*(_Block(a, b, d) for (a, b), d in zip(pairwise([channels, *widths]), drops, strict=True)))
        self.features = widths[-1]
        self.head = nn.Identity() if outputs is None else nn.Linear(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.head(self.blocks(laid_out(x)).mean((2, 3)))
        return features


class _Block(nn.Module):
    def __init__(self, channels: int, width: int, drop: nn.Module) -> None:
        super().__init__()
        sides = [channels, width, width]
        self.convs = nn.ModuleList(nn.Conv2d(a, width, 3, padding=1, bias=False) for a in sides)
        self.norms = nn.ModuleList(ExactBatchNorm2d(width) for _ in sides)
        self.shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), ExactBatchNorm2d(width))
        self.drop = drop
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, a=0.1, mode="fan_out", nonlinearity="leaky_relu")

    def forward(self, x: Tensor) -> Tensor:
        past = self.shortcut(x)
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(conv(x))
            x = nn.functional.leaky_relu(x if number < 2 else x + past, 0.1)
        kept: Tensor = self.drop(nn.functional.max_pool2d(x, 2))
        return kept
