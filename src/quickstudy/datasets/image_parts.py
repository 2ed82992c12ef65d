"""Images in folders or in a ZIP, with or without folders that name the parts: train, val, test."""

import logging
from itertools import combinations
from pathlib import Path
from typing import Any

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_reading import OnError
from quickstudy.datasets.image_zip import image_zip, zip_places
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
) -> ClassIndex | Splits:
    """A folder or a ZIP of class folders of images: three indices where folders around them are named train, val and test.

    Args:
        path, reads, on_error, name, by_path, smallest: as for `image_folder`.

    Raises:
        DataError: as `image_folder` and `image_zip`; or one of the three parts is missing.
    """
    path = Path(path)
    packed = path.is_file()
    called = name or (path.stem if packed else path.resolve().name)
    found = _parts(_zip_folders(path) if packed else _folders(path), path)
    how: dict[str, Any] = {"reads": reads, "on_error": on_error, "by_path": by_path, "smallest": smallest}
    if not found:
        return image_zip(path, name=called, **how) if packed else image_folder(path, name=called, **how)
    splits = Splits(
        *[
            image_zip(path, name=f"{called}/{part}", part=found[part], **how)
            if packed
            else image_folder(path / found[part], name=f"{called}/{part}", **how)
            for part in Splits._fields
        ]
    )
    _report_shared(splits, path)
    return splits


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
