"""An encoder's features of an image and of its mirror image, averaged."""

from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["Mirrored"]


class Mirrored(Recorded, nn.Module):
    """The mean of what a network says of an image and of the image with left and right exchanged.

        ``f(x) = ½ (g(x) + g(mirrored x))``

    What a class looks like seldom depends on the side from which it is seen, so that the mean has less of what differs by chance.
    It costs twice the time. Do not use it where sides have a meaning: characters, traffic signs, organs.

    Args:
        network: g, from images to features (D,).

    Shapes:
        (examples, channels, height, width) -> (examples, D)

    >>> import torch
    >>> x = torch.tensor([[[[1.0, 5.0]]]])
    >>> Mirrored(nn.Flatten())(x), Mirrored(nn.Flatten())(x.flip(-1))
    (tensor([[3., 3.]]), tensor([[3., 3.]]))
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        mean: Tensor = (self.network(x).flatten(1) + self.network(x.flip(-1)).flatten(1)) / 2
        return mean
