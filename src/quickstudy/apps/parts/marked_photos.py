"""Photos on which things are marked, by masks or boxes: the backbone that reads them, archives of COCO, classes at random."""

import functools
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

from quickstudy.datasets.class_parts import USUAL, check_enough_classes, cuts_of
from quickstudy.datasets.fetch import data_file
from quickstudy.datasets.shipped import shipped
from quickstudy.nn.backbones.catalogue import build
from quickstudy.nn.frozen import Frozen

__all__ = ["archives_of", "maps_of", "parts_at_random"]

_PARTS = ("train", "val", "test")


@functools.cache
def maps_of(size: int) -> Frozen:
    """EfficientNet-Lite0, of which a map is read.

    Args:
        size: side in pixels that an image is brought to; a cell of the map is 8 of them wide.

    Raises:
        MissingExtra: its weights are not installed.
    """
    network = build("efficientnet-lite0", maps=True, size=size)
    assert isinstance(network, Frozen)
    return network


def archives_of(name: str) -> list[Path]:
    """The archives of a data set of COCO's photos: those of free licences, and where it is there that of the others.

    Args:
        name: of the data set and its folder.
    """
    free, others = shipped(f"{name}/{name}.zip"), data_file(f"{name}/{name}_nc.zip")  # the others must not be sold
    return [free, *([others] if others is not None else [])]


def parts_at_random(classes: Sequence[str], what: str) -> dict[str, list[str]]:
    """Classes parted into meta-training, meta-validation and meta-test, in an order at random.

    Args:
        classes: sorted.
        what: has them, for messages.

    Raises:
        DataError: too few classes.
    """
    check_enough_classes(len(classes), USUAL, what)
    order = list(classes)
    Random(0).shuffle(order)
    return {part: order[low:high] for part, (low, high) in zip(_PARTS, pairwise(cuts_of(len(order), USUAL)), strict=True)}
