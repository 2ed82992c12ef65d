"""The two networks of Relation Networks: blocks that keep feature maps, and a module that compares maps.

Source: Sung, Yang, Zhang, Xiang, Torr & Hospedales, 2018, Learning to compare: relation network for few-shot learning.
"""

import math

import torch
from torch import Tensor, nn

from quickstudy.errors import ShapeError
from quickstudy.nn.exact_norm import ExactBatchNorm2d, laid_out
from quickstudy.storage.blueprint import Recorded

__all__ = ["Conv4Maps", "Relation"]


class Conv4Maps(Recorded, nn.Module):
    """Four 3×3 convolution blocks with batch norm and ReLU; the first two, without margins, are pooled: maps of 5×5 from 28×28.

    Args:
        channels: of the images.
        hidden: filters of each block.

    Shapes:
        (examples, channels, height, width) -> (examples, hidden, height', width')

    >>> Conv4Maps()(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64, 5, 5])
    """

    def __init__(self, channels: int = 1, hidden: int = 64) -> None:
        super().__init__()
        widths = [channels, hidden, hidden, hidden]
        margins = [0, 0, 1, 1]
        self.convs = nn.ModuleList(nn.Conv2d(a, hidden, 3, padding=m, bias=False) for a, m in zip(widths, margins, strict=True))
        self.norms = nn.ModuleList(ExactBatchNorm2d(hidden) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        for block, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(laid_out(conv(x)))
            if block < 2:
                x = nn.functional.max_pool2d(x, 2)
            x = x.relu()
        return x.contiguous()


class Relation(Recorded, nn.Module):
    """How alike each query's maps are to each class's: two convolution blocks on both side by side, then two linear layers.

    The first convolution is linear, so that ``W [a, b] = W₁ a + W₂ b`` needs one convolution for each class and each
    query instead of one for each pair.

    Deviations: no batch norm, which would let queries depend on their neighbours (group norm of each pair would not, but it
    hides how large a difference is, and learned far slower). At the start W₂ = −W₁, so that differences are seen, and scores
    are those of pairs of which a share of ``prior`` is alike: pushed down from ½, the network forgets how to see.

    Args:
        channels: of the maps.
        size: of the square maps, 2 or more.
        hidden: width of the first linear layer.
        prior: the share of pairs that are alike, 1 / ways.

    Raises:
        ShapeError: maps too small to be pooled, or a share outside of (0, 1).

    Shapes:
        class maps (N, C, size, size), query maps (Q, C, size, size) -> (Q, N)

    >>> Relation(8)(torch.zeros(3, 8, 5, 5), torch.zeros(2, 8, 5, 5)).shape
    torch.Size([2, 3])
    """

    def __init__(self, channels: int = 64, *, size: int = 5, hidden: int = 8, prior: float = 0.05) -> None:
        super().__init__()
        if size < 2 or not 0 < prior < 1:
            raise ShapeError(f"size={size} must be 2 or more, for maps are pooled, and prior={prior} between 0 and 1.")
        self.of_class = nn.Conv2d(channels, channels, 3, padding=1)
        self.of_query = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.joint = nn.Conv2d(channels, channels, 3, padding=1)
        self.wide = nn.Linear(channels * max(1, size // 4) ** 2, hidden)
        self.score = nn.Linear(hidden, 1)
        with torch.no_grad():
            for layer in (self.of_class, self.joint, self.wide):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            self.of_query.weight.copy_(-self.of_class.weight)
            self.score.bias.fill_(math.log(prior / (1 - prior)))

    def forward(self, classes: Tensor, queries: Tensor) -> Tensor:
        first = self.of_query(queries)[:, None] + self.of_class(classes)
        maps = self.joint(nn.functional.max_pool2d(first.flatten(0, 1), 2).relu())
        maps = nn.functional.max_pool2d(maps, min(2, maps.shape[-1])).relu()
        scores: Tensor = self.score(self.wide(maps.flatten(1)).relu())
        return scores.view(queries.shape[0], classes.shape[0])
