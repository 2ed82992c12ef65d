"""Data sets: each gives an index of classes, or three of them."""

from quickstudy.datasets.arrays import from_arrays, from_dataset, split_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.derived import halves, mixed_classes, overlaid, turned_classes
from quickstudy.datasets.domain import image_zip, picture_domain, redrawn
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.pictures import Pictures
from quickstudy.datasets.store import open_store, pieces_of, write_store

__all__ = [
    "ClassIndex",
    "Pictures",
    "Splits",
    "encoded",
    "from_arrays",
    "from_dataset",
    "glyphs",
    "halves",
    "image_folder",
    "image_zip",
    "mixed_classes",
    "omniglot",
    "open_store",
    "overlaid",
    "picture_domain",
    "pieces_of",
    "redrawn",
    "split_classes",
    "turned_classes",
    "write_store",
]
