"""A backbone that meta-training does not touch: neither its weights nor its norm statistics."""

from typing import Any, Self

import torch
from torch import Tensor, nn

from quickstudy.nn.named_weights import NamedWeights
from quickstudy.storage.blueprint import Recorded

__all__ = ["Frozen"]


class Frozen(Recorded, nn.Module):
    """A network that always computes in eval mode, without a graph.

    Weights that require no gradient are half of it: in train mode the batch norms of a backbone would go on averaging, and its
    dropout would go on dropping. `NamedWeights` in it stand in no ``state_dict``: files name
    them by their hash.

    Args:
        encoder: any network; its weights no longer require gradients.

    Shapes:
        what the encoder takes -> what it gives

    >>> backbone = Frozen(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    >>> features = backbone.train()(torch.ones(4, 2))
    >>> features.requires_grad, int(backbone.encoder[1].num_batches_tracked), backbone.encoder.training
    (False, 0, False)
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False).eval()
        for part in encoder.modules():
            if isinstance(part, NamedWeights):
                part.leave_out()

    @property
    def reads(self) -> Any:
        """The encoder's input kind, if it has one of its own."""
        return getattr(self.encoder, "reads", None)

    @property
    def features(self) -> Any:
        """How many features the encoder gives, if it says so."""
        return getattr(self.encoder, "features", None)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode of this module alone; the network stays in eval mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def __sklearn_clone__(self) -> Self:
        """Itself: clones of an estimator by scikit-learn share what no training changes."""
        return self

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            features: Tensor = self.encoder(x)
        return features
