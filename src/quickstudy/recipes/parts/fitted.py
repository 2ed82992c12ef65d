"""What a recipe learns on features that do not change: it starts at the classical method, the features as they are."""

from torch import nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.nn.feature_map import LinearMap, Whitening
from quickstudy.nn.feature_weights import FeatureWeights
from quickstudy.nn.standardised import UnitLength

__all__ = ["fitted_encoder"]

_RANK = 100
_LOW_RANK = 32


def fitted_encoder(index: ClassIndex | None, features: int, *, counts: bool = False) -> nn.Module:
    """A map that begins near the identity, and ends in unit length.

    Features of a backbone are whitened within classes, then mapped linearly; hashed counts of n-grams are weighted, from TF-IDF
    on, then mapped by a matrix of low rank.

    Args:
        index: rows of the meta-training classes, where tasks are drawn from classes; whitening and weights are theirs.
        features: how many there are.
        counts: they are hashed counts.
    """
    if counts:
        weights = FeatureWeights(features) if index is None else FeatureWeights.fitted(index)
        parts: list[nn.Module] = [weights, LinearMap(features, _LOW_RANK)]
    else:
        rank = min(_RANK, features)
        parts = [Whitening(features, rank) if index is None else Whitening.fitted(index, rank), LinearMap(features)]
    encoder = UnitLength(nn.Sequential(*parts))
    encoder.features = features  # type: ignore[assignment]
    return encoder
