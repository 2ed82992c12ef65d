"""The files of a folder and of its folders, without those that systems leave behind, which are no data."""

import os
from collections.abc import Iterator
from pathlib import Path

from quickstudy.errors import DataError

__all__ = ["passed_over", "refuse", "walked"]

_LEFT_BEHIND = {
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "@eadir",
    "$recycle.bin",
    "system volume information",
}


def passed_over(name: str) -> bool:
    """Whether a file or a folder of this name is hidden, or left behind by a system.

    >>> passed_over(".DS_Store"), passed_over("Thumbs.db"), passed_over("cat.jpg")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def walked(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Each folder from ``root`` down, with what it holds that is no folder, sorted; links are followed, but none in a circle.

    Raises:
        DataError: a folder that cannot be read.
    """
    seen = set()
    for place, folders, files in os.walk(root, onerror=refuse, followlinks=True):
        folders[:] = sorted(name for name in folders if not passed_over(name))
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield Path(place), [Path(place, name) for name in sorted(files) if not passed_over(name)]


def refuse(error: OSError) -> None:
    """The error of a folder that cannot be read, in our words.

    Raises:
        DataError: always.
    """
    raise DataError(f"{error.filename} cannot be read ({error.strerror}). Change its permissions, or leave it out.") from error
