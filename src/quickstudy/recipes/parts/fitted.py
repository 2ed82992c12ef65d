"""What a recipe learns on features that do not change: it starts at the classical method, the features as they are."""

from torch import nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.nn.feature_map import LinearMap, Whitening
from quickstudy.nn.standardised import UnitLength

__all__ = ["fitted_encoder"]

_RANK = 100


def fitted_encoder(index: ClassIndex | None, features: int) -> nn.Module:
    """A map of features that begins near the identity: within-class whitening, then a linear map, then unit length.

    Args:
        index: features of the meta-training classes, where tasks are drawn from classes; the whitening is theirs.
        features: how many there are.
    """
    rank = min(_RANK, features)
    first: nn.Module = Whitening(features, rank) if index is None else Whitening.fitted(index, rank)
    encoder = UnitLength(nn.Sequential(first, LinearMap(features)))
    encoder.features = features  # type: ignore[assignment]
    return encoder
