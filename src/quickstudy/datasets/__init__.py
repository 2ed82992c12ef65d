"""Data sets: each is an index of classes, or three of them."""

from quickstudy.datasets.against_normal import against_normal
from quickstudy.datasets.arrays import from_arrays, from_dataset, split_classes
from quickstudy.datasets.box_folder import Boxed, read_boxed
from quickstudy.datasets.boxed_images import BoxedImages, BoxedSplits, ImageBoxes
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.derived import halves, mixed_classes, overlaid, rotated_classes
from quickstudy.datasets.encoded import encoded, unencoded
from quickstudy.datasets.exchanges import Exchanges, ExchangeSplits, read_dialogues
from quickstudy.datasets.glyphs import glyphs
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_manifest import image_manifest
from quickstudy.datasets.image_parts import image_parts
from quickstudy.datasets.image_zip import image_zip
from quickstudy.datasets.mask_folder import Masked, read_masked
from quickstudy.datasets.masked_images import MaskedImages, MaskedSplits
from quickstudy.datasets.molecules import molecules
from quickstudy.datasets.omniglot import omniglot
from quickstudy.datasets.redrawn import redrawn
from quickstudy.datasets.sentence_pairs import own_translations, translations
from quickstudy.datasets.series import regular_series
from quickstudy.datasets.store import open_store, pieces_of, write_store
from quickstudy.datasets.table import table
from quickstudy.datasets.tagged_file import Tagged, read_tagged
from quickstudy.datasets.tagged_words import TaggedSplits, TaggedWords
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.datasets.visits import patient_visits
from quickstudy.datasets.word_forms import inflections, own_inflections
from quickstudy.datasets.word_states import word_states
from quickstudy.inputs.images import Images

__all__ = [
    "Boxed",
    "BoxedImages",
    "BoxedSplits",
    "ClassIndex",
    "ExchangeSplits",
    "Exchanges",
    "ImageBoxes",
    "Images",
    "Masked",
    "MaskedImages",
    "MaskedSplits",
    "Splits",
    "Table",
    "TableSplits",
    "Tagged",
    "TaggedSplits",
    "TaggedWords",
    "against_normal",
    "encoded",
    "from_arrays",
    "from_dataset",
    "glyphs",
    "halves",
    "image_folder",
    "image_manifest",
    "image_parts",
    "image_zip",
    "inflections",
    "mixed_classes",
    "molecules",
    "omniglot",
    "open_store",
    "overlaid",
    "own_inflections",
    "own_translations",
    "patient_visits",
    "pieces_of",
    "read_boxed",
    "read_dialogues",
    "read_masked",
    "read_tagged",
    "redrawn",
    "regular_series",
    "rotated_classes",
    "split_classes",
    "table",
    "translations",
    "unencoded",
    "word_states",
    "write_store",
]
