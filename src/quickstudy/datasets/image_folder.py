"""A folder of class folders with images, of any size and mode, as an index of classes."""

from pathlib import Path, PurePath

from quickstudy.datasets.class_folders import ClassFolders, nested, passed_beside
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.image_reading import OnError
from quickstudy.datasets.system_files import passed_over, refuse, walked
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

__all__ = ["image_folder", "read_folder"]

_LISTED = 3


def image_folder(
    path: str | Path,
    *,
    reads: Images = Images(size=(84, 84), channels=3, strokes=False),  # noqa: B008  a frozen record
    on_error: OnError = "raise",
    name: str | None = None,
    by_path: bool = False,
    smallest: int = 0,
) -> ClassIndex:
    """Class folders of images: ``path/cat/1.jpg``, ``path/dog/scan.png`` …

    Hidden files and those that systems leave behind (Thumbs.db) are passed over. Up to 1 GiB of images is held in memory, more
    is read on demand.

    Args:
        path: the folder of class folders.
        reads: how each image becomes a row; `Images` of 28×28 strokes suits learners trained on characters.
        on_error: "skip" leaves broken images out (each is named in the log of the name ``quickstudy``); otherwise all of them
            are named together.
        name: used in messages and reports; the folder's name by default.
        by_path: every folder that holds images, at any depth, is a class, named by its path: "animals/cat".
        smallest: classes with fewer images are left out, and named in the log; by default a class without images is refused.

    Raises:
        DataError: no folder, no class folders, folders in class folders, a class without images, names that are nearly one, files
            that are no images.
    """
    root = Path(path)
    return read_folder(root, ClassFolders(str(root), name or root.resolve().name, reads, on_error, smallest), by_path)


def read_folder(root: Path, how: ClassFolders, by_path: bool) -> ClassIndex:
    """The same, with all that is said of class folders in one record."""
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder that holds one folder of images for each class.")
    listed = _by_path(root) if by_path else _by_name(root)
    if not listed:
        raise DataError(
            f"{root} holds no class folders. Put the images of each class into a folder: {root}/cat/1.jpg.{_instead(root)}"
        )
    passed_beside(sum(entry.is_file() for entry in _entries(root)), root)
    return how.read(listed, Path, lazy=Path, instead=_instead(root))


def _by_name(root: Path) -> dict[str, list[Path]]:
    listed = {folder.name: _entries(folder) for folder in _entries(root) if folder.is_dir()}
    for label, entries in listed.items():
        if entries and all(entry.is_dir() for entry in entries):
            raise nested(root, root / label, PurePath(label, entries[0].name))
    return listed


def _by_path(root: Path) -> dict[str, list[Path]]:
    return dict(sorted((place.relative_to(root).as_posix(), files) for place, files in walked(root) if files and place != root))


def _entries(folder: Path) -> list[Path]:
    """The content of a folder without hidden files and system files."""
    try:
        return [entry for entry in sorted(folder.iterdir()) if not passed_over(entry.name)]
    except OSError as error:
        refuse(error)
        raise


def _instead(root: Path) -> str:
    """What lies in the folder and may be meant."""
    found = [entry.name for entry in _entries(root)]
    for kinds, words in (((".zip",), "It holds ZIP files"), ((".csv", ".tsv", ".jsonl", ".parquet"), "It holds tables")):
        some = [name for name in found if name.removesuffix(".gz").lower().endswith(kinds)]
        if some:
            listed = ", ".join(some[:_LISTED]) + (f" and {len(some) - _LISTED} more" if len(some) > _LISTED else "")
            return f" {words}: {listed}. To read one, give its path: {root / some[0]}."
    return ""
