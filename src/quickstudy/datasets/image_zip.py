"""A ZIP file of class folders of images, by the rules of folders; held in memory."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from PIL import Image

from quickstudy.datasets import on_demand
from quickstudy.datasets.class_folders import ClassFolders, nested, passed_beside
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.image_reading import OnError
from quickstudy.datasets.system_files import passed_over
from quickstudy.datasets.zip_file import open_zip
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded
from quickstudy.inputs.images import Images

__all__ = ["image_zip", "read_zip", "zip_places"]


def image_zip(
    path: str | Path,
    reads: Images = Images(size=(84, 84), channels=3, strokes=False),  # noqa: B008  a frozen record
    name: str | None = None,
    *,
    on_error: OnError = "raise",
    by_path: bool = False,
    smallest: int = 0,
) -> ClassIndex:
    """A ZIP file of class folders of images, held in memory. One folder around all others does not count.

    Args:
        path: the file.
        reads: how each image becomes a row, as in `image_folder`.
        name: used in messages and reports; the file's by default.
        on_error: "skip" leaves broken images out (each is named in the log); otherwise all of them are named together.
        by_path: every folder that holds images, at any depth, is a class, named by its path.
        smallest: classes with fewer images are left out, and named in the log.

    Raises:
        DataError: no ZIP file, no class folders, folders in class folders, files that are no images or too large, more than
            memory should hold.
    """
    return read_zip(path, ClassFolders(str(path), name or Path(path).stem, reads, on_error, smallest), by_path)


def read_zip(path: str | Path, how: ClassFolders, by_path: bool, part: str | None = None) -> ClassIndex:
    """The same, with all that is said of class folders in one record; of one folder in the ZIP, if ``part`` names it."""
    where = how.where
    with open_zip(path) as (members, read):
        places = zip_places(members, part)
        listed = _listed(places, where, by_path=by_path)
        if not listed:
            raise DataError(f"{where} holds no class folders of images. Put the images of each class into a folder: cat/1.jpg.")
        if not how.fits(sum(map(len, listed.values()))):
            raise DataError(f"{where} holds more than {on_demand.IN_MEMORY:,} bytes of images. Unpack it, and give the folder.")
        passed_beside(sum(len(place.parts) == 1 for place in places.values()), where)
        return how.read(listed, lambda member: _image(read, member, path))


def zip_places(members: Iterable[str], part: str | None = None) -> dict[str, PurePosixPath]:
    """Where each member of a ZIP file lies, below the one folder that holds all others, if there is such a folder.

    >>> zip_places(["pets/cat/1.jpg", "pets/dog/2.jpg", "pets/.DS_Store"])["pets/cat/1.jpg"]
    PurePosixPath('cat/1.jpg')
    """
    plain = {member: PurePosixPath(member) for member in members if not member.endswith("/")}
    places = {member: place for member, place in plain.items() if not any(map(passed_over, place.parts))}
    while places and len({place.parts[0] for place in places.values()}) == 1 and max(len(p.parts) for p in places.values()) > 2:
        places = {member: PurePosixPath(*place.parts[1:]) for member, place in places.items()}
    if part is None:
        return places
    inside = {member: place for member, place in places.items() if place.parts[0] == part and len(place.parts) > 1}
    return {member: PurePosixPath(*place.parts[1:]) for member, place in inside.items()}


def _listed(places: dict[str, PurePosixPath], where: str, *, by_path: bool) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for member, place in places.items():
        if len(place.parts) > 1:
            listed.setdefault(place.parent.as_posix() if by_path else place.parts[0], []).append(member)
    direct = Counter(place.parts[0] for place in places.values() if len(place.parts) == 2)
    deep: dict[str, PurePosixPath] = {}
    for place in places.values():
        if len(place.parts) > 2:
            deep.setdefault(place.parts[0], place)
    for label in [] if by_path else sorted(deep):
        if not direct[label]:
            raise nested(where, f"an unpacked {label}", deep[label].parent)
        inside = deep[label].parent
        raise DataError(f"{inside} in {where} is a folder within a class folder. Remove it, or read each folder as a class.")
    return {label: listed[label] for label in sorted(listed)}


def _image(read: Callable[[str], bytes], member: str, path: str | Path) -> Image.Image:
    """One image; an error names it."""
    content = read(member)
    try:
        return decoded(content)
    except DataError as error:
        raise DataError(f"{member} in {path}: {error}") from error
