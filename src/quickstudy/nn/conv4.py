"""Four convolution blocks, the network of the few-shot papers since Vinyals et al., 2016, Matching networks."""

from itertools import pairwise

from torch import Tensor, nn

from quickstudy.functional.unroll import is_inner
from quickstudy.nn.exact_norm import ExactBatchNorm2d, laid_out
from quickstudy.storage.blueprint import Recorded

__all__ = ["Conv4"]


class Conv4(Recorded, nn.Module):
    """Four times 3×3 convolution (no bias: the norm would take it away), batch norm, halving, ReLU; an optional linear layer.

    On a CPU images are laid out channels last from the first convolution on, which is faster, with norms that are exact there.
    The halving is a 2×2 max-pool (taken before the ReLU, which gives the same numbers and is faster) or a stride of two,
    then with a mean over positions at the end (MAML's Omniglot network) or without (Reptile's).

    Args:
        channels: of the images (1 grey, 3 colour).
        hidden: filters of each block; 64 in the papers.
        outputs: size of the final linear layer; None returns the features.
        size: of the square images, in pixels; sets how many features there are (64 at 28, 1600 at 84).
        strided: halve by stride instead of pooling.
        flat: keep every position's features, also where strided.

    Shapes:
        (examples, channels, size, size) -> (examples, features or outputs)

    >>> import torch
    >>> Conv4(outputs=5)(torch.zeros(2, 1, 28, 28)).shape, Conv4(strided=True).features, Conv4(strided=True, flat=True).features
    (torch.Size([2, 5]), 64, 256)
    """

    def __init__(
        self,
        channels: int = 1,
        hidden: int = 64,
        *,
        outputs: int | None = None,
        size: int = 28,
        strided: bool = False,
        flat: bool = False,
    ) -> None:
        super().__init__()
        self.strided = strided
        stride = 2 if strided else 1
        widths = [channels, hidden, hidden, hidden, hidden]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride, 1, bias=False) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(ExactBatchNorm2d(hidden) for _ in range(4))
        self.mean = strided and not flat
        positions = 1 if self.mean else (-(-size // 16)) ** 2 if strided else max(1, size // 16) ** 2
        self.features = hidden * positions
        self.head = nn.Identity() if outputs is None else nn.Linear(self.features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(conv(x if is_inner() else laid_out(x)))  # in an inner step norms are differentiated twice, which costs more
            if not self.strided:
                x = nn.functional.max_pool2d(x, 2)
            x = x.relu()
        features: Tensor = self.head(x.mean((2, 3)) if self.mean else x.flatten(1))
        return features
