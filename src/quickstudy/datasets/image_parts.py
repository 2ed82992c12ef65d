"""Images in folders or in a ZIP, with or without folders that name the parts: train, val, test."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.datasets.class_folders import ClassFolders
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.class_parts import USUAL, check_enough_classes, cuts_of
from quickstudy.datasets.held_rows import part_of
from quickstudy.datasets.image_folder import read_folder
from quickstudy.datasets.image_reading import OnError
from quickstudy.datasets.image_zip import read_zip, zip_places
from quickstudy.datasets.system_files import passed_over
from quickstudy.datasets.table_split import PART_WORDS
from quickstudy.datasets.zip_file import open_zip
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["image_parts"]

_log = logging.getLogger("quickstudy")


def image_parts(
    path: str | Path,
    *,
    reads: Images = Images(size=(84, 84), channels=3, strokes=False),  # noqa: B008  a frozen record
    on_error: OnError = "raise",
    name: str | None = None,
    by_path: bool = False,
    smallest: int = 0,
    seed: int | None = None,
) -> ClassIndex | Splits:
    """A folder or a ZIP of class folders of images: three indices where folders around them are named train, val and test.

    Args:
        path, reads, on_error, name, by_path, smallest: as for `image_folder`.
        seed: parts the classes at random, 60 / 20 / 20 %, if no folders do; the rows are then held once, not twice.

    Raises:
        DataError: as `image_folder` and `image_zip`; or one of the three parts is missing, or classes are too few to
            part them.
    """
    path = Path(path)
    packed = path.is_file()
    called = name or (path.stem if packed else path.resolve().name)
    found = _parts(_zip_folders(path) if packed else _folders(path), path)

    def read(part: str | None, named: str, order: Callable[[list[str]], list[str]] = sorted) -> ClassIndex:
        where = str(path) if part is None else f"{path}/{part}"
        how = ClassFolders(where, named, reads, on_error, smallest, order)
        return read_zip(path, how, by_path, part) if packed else read_folder(path / part if part else path, how, by_path)

    if found:
        splits = Splits(*[read(found[part], f"{called}/{part}") for part in Splits._fields])
        _report_shared(splits, path)
        return splits
    return read(None, called) if seed is None else _in_order(read(None, called, partial(_shuffled, called=called, seed=seed)))


def _shuffled(classes: list[str], called: str, seed: int) -> list[str]:
    """In the order of the parts; too few are refused before an image is read."""
    check_enough_classes(len(classes), USUAL, called, "images FOLDER")
    return [classes[number] for number in torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed)).tolist()]


def _in_order(index: ClassIndex) -> Splits:
    """The first classes, the next and the last: rows stand in the order of their classes, so that parts are views of them."""
    check_enough_classes(len(index.classes), USUAL, index.name, "images FOLDER")
    classes = cuts_of(len(index.classes), USUAL)
    starts = [int(torch.searchsorted(index.labels, start)) for start in classes]
    parts = []
    for part, (first, last), (low, high) in zip(Splits._fields, pairwise(classes), pairwise(starts), strict=True):
        x = index.x[low:high] if isinstance(index.x, Tensor) else part_of(index.x, torch.arange(low, high))
        labels, names = index.labels[low:high] - first, index.classes[first:last]
        parts.append(replace(index, x=x, labels=labels, classes=names, name=f"{index.name}/{part}"))
    return Splits(*parts)


def _folders(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.iterdir() if entry.is_dir() and not passed_over(entry.name)]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Give a folder of class folders.") from error


def _zip_folders(path: Path) -> list[str]:
    with open_zip(path) as (members, _):
        return sorted({place.parts[0] for place in zip_places(members).values() if len(place.parts) > 1})


def _parts(folders: list[str], path: Path) -> dict[str, str]:
    """The folder of each part; none where the folders are classes."""
    words = {name: PART_WORDS.get(name.lower()) for name in folders}
    found = {part: name for name, part in words.items() if part is not None}
    if len(found) < len(folders) or len(found) < 2:
        return {}  # a class may be called "test" beside others
    lacking = [part for part in Splits._fields if part not in found]
    if lacking:
        raise DataError(
            f"{path} has the folders {' and '.join(sorted(folders))}, but none for {lacking[0]}. Move some of the classes into "
            f"{path / lacking[0]}; or put all class folders into one folder, and they are parted at random."
        )
    return found


def _report_shared(splits: Splits, path: Path) -> None:
    for one, other in combinations(Splits._fields, 2):
        shared = set(getattr(splits, one).classes) & set(getattr(splits, other).classes)
        if shared:
            _log.warning(
                "%s: classes both in %s and in %s: %d (%s …). Scores for new classes cannot be measured like this. Keep each "
                "class in one part.",
                path,
                one,
                other,
                len(shared),
                min(shared),
            )
