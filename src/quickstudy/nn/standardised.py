"""Features of a fixed length within each example, so that no example and no meta-training can stretch them."""

from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["Standardised", "UnitLength"]


class Standardised(Recorded, nn.Module):
    """``(z − mean z) / √(var z + ε)`` of an encoder's flattened features z: layer norm without affine (Ba, Kiros & Hinton, 2016).

    All features have the length √D. So the curvature of a linear head's cross-entropy is at most ``D / 2``, and gradient
    descent on it is stable for ``α < 4 / D`` whatever the support set is; where features may grow, meta-training can make
    any step size too large, and then the outer gradient explodes with the number of inner steps.

    Args:
        encoder: any network from inputs to features.

    Shapes:
        what the encoder takes -> (examples, D)

    >>> import torch
    >>> Standardised(nn.Flatten())(torch.tensor([[1.0, 3.0], [4.0, 0.0]])).round(decimals=3)
    tensor([[-1.,  1.],
            [ 1., -1.]])
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return nn.functional.layer_norm(features, features.shape[1:])


class UnitLength(Recorded, nn.Module):
    """``z / ‖z‖`` of an encoder's flattened features z; zeros stay zero.

    Args:
        encoder: any network from inputs to features; the flattened inputs themselves by default.

    Shapes:
        what the encoder takes -> (examples, D)

    >>> import torch
    >>> UnitLength()(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """

    def __init__(self, encoder: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = nn.Flatten() if encoder is None else encoder

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return nn.functional.normalize(features, dim=1)
