"""Data sets: each is an index of classes, or three of them."""

from quickstudy.datasets.arrays import from_arrays, from_dataset, split_classes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.derived import halves, mixed_classes, overlaid, rotated_classes
from quickstudy.datasets.domain import image_domain, image_zip, redrawn
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.store import open_store, pieces_of, write_store
from quickstudy.datasets.table import table
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.inputs.images import Images

__all__ = [
    "ClassIndex",
    "Images",
    "Splits",
    "Table",
    "TableSplits",
    "encoded",
    "from_arrays",
    "from_dataset",
    "glyphs",
    "halves",
    "image_domain",
    "image_folder",
    "image_zip",
    "mixed_classes",
    "omniglot",
    "open_store",
    "overlaid",
    "pieces_of",
    "redrawn",
    "rotated_classes",
    "split_classes",
    "table",
    "write_store",
]
