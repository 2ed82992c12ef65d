"""Pure tensor functions, one idea a file."""

from quickstudy.functional.distances import class_means, cosine_distance, squared_distance
from quickstudy.functional.mahalanobis import Ellipsoids, ellipsoids, mahalanobis_distance
from quickstudy.functional.pairs import pair_contrastive, pair_cross_entropy, pair_squared_error
from quickstudy.functional.unroll import SGD, Adam, descend, gradient

__all__ = [
    "SGD",
    "Adam",
    "Ellipsoids",
    "class_means",
    "cosine_distance",
    "descend",
    "ellipsoids",
    "gradient",
    "mahalanobis_distance",
    "pair_contrastive",
    "pair_cross_entropy",
    "pair_squared_error",
    "squared_distance",
]
