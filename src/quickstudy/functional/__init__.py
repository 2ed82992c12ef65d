"""Pure tensor functions, one idea a file."""

from quickstudy.functional.distances import class_means, cosine_distance, squared_distance
from quickstudy.functional.unroll import SGD, Adam, descend, gradient

__all__ = ["SGD", "Adam", "class_means", "cosine_distance", "descend", "gradient", "squared_distance"]
