"""Photos with masks for applications: crops of COCO and folders of one's own, as maps of a frozen backbone with masks by cell."""

import functools
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch

from quickstudy.apps.application import Setting
from quickstudy.apps.parts.marked_photos import archives_of, maps_of, parts_at_random
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.mask_folder import Masked, read_masked, shares
from quickstudy.datasets.masked_images import MaskedImages, MaskedSplits
from quickstudy.errors import DataError
from quickstudy.inputs.cells import Cells
from quickstudy.nn.frozen import Frozen
from quickstudy.reports.promise import Promise
from quickstudy.storage.files import read_json
from quickstudy.tasks.segmenting import Segmenting

__all__ = ["QUERIES", "backbone", "coco", "most_shots", "own_photos", "settings_of"]

_log = logging.getLogger(__name__)

QUERIES = 2
"""Images in a task's query set."""

_TASKS = 300
_HALF, _LEAST, _MOST = 0.5, 0.02, 0.95
"""Share of a cell that is marked, and shares of an image's cells that its mask marks at least and at most."""


def backbone() -> Frozen:
    """EfficientNet-Lite0, of which a map of 20×20 cells is read.

    Raises:
        MissingExtra: its weights are not installed.
    """
    return maps_of(160)


@functools.cache
def coco(most: int = 0) -> MaskedSplits:
    """Crops of COCO 2017: other classes for each part, as ``splits.json`` says.

    Args:
        most: only the first so many crops of each class and archive; 0 takes all.
    """
    archives = archives_of("segmentation")
    found = [each for archive in archives for each in _first(read_masked(archive, group="coco_image_id"), most)]
    whole = _masked("coco", found)
    parts = read_json(archives[0].parent / "splits.json")
    return MaskedSplits(*[whole.select(_known(parts[part], whole), f"coco/{part}") for part in MaskedSplits._fields])


def own_photos(path: str) -> MaskedSplits:
    """Masks of one's own: their classes are parted at random.

    Raises:
        DataError: what is wrong with the files, or too few classes.
    """
    whole = _masked(Path(path).name.removesuffix(".zip"), list(read_masked(path))).frequent(1 + QUERIES)
    parts = parts_at_random(whole.classes, f"{path} has masks of {1 + QUERIES} images or more for classes that")
    return MaskedSplits(*[whole.select(tuple(sorted(parts[part])), f"{whole.name}/{part}") for part in MaskedSplits._fields])


def most_shots(part: MaskedImages) -> int:
    """Images that a support set of two classes or more can have, beside those of the queries."""
    return sorted(len(groups) for groups in part.having)[-2] - QUERIES


def settings_of(
    test: MaskedImages, val: MaskedImages, shots: Sequence[int], promises: Mapping[int, tuple[Promise, ...]]
) -> dict[str, Setting]:
    """Tasks of new classes by the number of masks; sizes for which there are too few images are left out."""
    found = {}
    for k in shots:
        if min(most_shots(test), most_shots(val)) >= k:
            of_test, of_val = (Segmenting(part.frequent(k + QUERIES), k, QUERIES) for part in (test, val))
            name = f"{k} mask{'s' if k > 1 else ''}"
            found[name] = Setting(of_test, of_val, size=k, tasks=_TASKS, promises=promises.get(k, ()))
    return found


def _first(found: Iterable[Masked], most: int) -> Iterable[Masked]:
    """The first so many of each class."""
    met: Counter[str] = Counter()
    for each in found:
        met[each.label] += 1
        if not most or met[each.label] <= most:
            yield each


def _known(classes: Sequence[str], whole: MaskedImages) -> tuple[str, ...]:
    return tuple(label for label in classes if label in whole.classes)


def _masked(name: str, found: Sequence[Masked]) -> MaskedImages:
    """Maps of images, computed once and kept, and the cells that masks mark; images with too little or too much are left out."""
    reads = backbone().reads
    assert isinstance(reads, Cells)
    masks = [shares(each.mask, reads.side) > _HALF for each in found]
    fits = [_LEAST <= float(mask.float().mean()) <= _MOST for mask in masks]
    left_out = [each.place for each, fit in zip(found, fits, strict=True) if not fit]
    if left_out:
        _log.warning(
            "%s: %d images are left out, whose masks mark less than %g or more than %g %% of their %d cells, the first is %s",
            name,
            len(left_out),
            100 * _LEAST,
            100 * _MOST,
            reads.side**2,
            left_out[0],
        )
    kept = [each for each, fit in zip(found, fits, strict=True) if fit]
    if not kept:
        raise DataError(f"{name}: no image is left. Give images in which the class is larger.")
    classes, groups = sorted({each.label for each in kept}), sorted({each.group for each in kept})
    images = torch.cat([(reads.images.batch(each.image) * 255).round().to(torch.uint8) for each in kept])
    index = ClassIndex(
        images,
        torch.tensor([classes.index(each.label) for each in kept]),
        tuple(classes),
        name,
        groups=torch.tensor([groups.index(each.group) for each in kept]),
        reads=reads.images,
    )
    maps = encoded(index, backbone(), batch=16, dtype=torch.float16)
    return MaskedImages(maps, torch.stack([mask for mask, fit in zip(masks, fits, strict=True) if fit]))
