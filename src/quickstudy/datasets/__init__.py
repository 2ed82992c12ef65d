"""Data sets: each gives an index of classes, or three of them."""

from quickstudy.datasets.arrays import from_arrays, from_dataset, split_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.pictures import Pictures

__all__ = [
    "ClassIndex",
    "Pictures",
    "Splits",
    "from_arrays",
    "from_dataset",
    "glyphs",
    "image_folder",
    "omniglot",
    "split_classes",
]
