"""Images with masks beside them, in class folders: ``cup/1.jpg`` and ``cup/1_mask.png``, which is white where a cup is."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from quickstudy.datasets.archive import opened
from quickstudy.datasets.image_manifest import MANIFEST
from quickstudy.datasets.system_files import passed_over
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded

__all__ = ["Masked", "MaskedFile", "masked_files", "read_masked", "shares", "without_masks"]

_MARK = "_mask"
_WHITE = 128
_EXAMPLE = "Put it beside its image: cup/1.jpg and cup/1_mask.png"


class Masked(NamedTuple):
    """An image, and where its class is: an array of booleans of the image's height and width."""

    image: Image.Image
    mask: np.ndarray
    label: str
    group: str
    place: str


class MaskedFile(NamedTuple):
    """An image and its mask by name, within a folder or a ZIP."""

    image: str
    mask: str
    label: str


def read_masked(path: str | Path, *, group: str = "group", label: str = "") -> Iterator[Masked]:
    """The images of a folder or a ZIP with their masks, one at a time.

    A mask has the name of its image with ``_mask`` behind it, is as large, and is white (128 of 255 or more) where the class is
    that its folder names. Where ``manifest.csv`` (UTF-8) has the columns ``image`` and ``group``, images of one group (parts of
    one photo) never are on both sides of a task.

    Args:
        path: of the folder or the ZIP.
        group: the manifest's column of groups.
        label: the class of images that stand in no class folder; by default they are refused.

    Raises:
        DataError: no such folder or ZIP, images without masks or masks without images, none at all, one of another size than
            its image, one that marks nothing or all, a file that is no image, or a manifest that cannot be read.
    """
    path = Path(path)
    with opened(path, "images with masks") as (names, read):
        files = masked_files(names, path, label=label)
        groups = _groups(read(MANIFEST), path, group) if MANIFEST in names else {}
        for file in files:
            place = f"{path}/{file.image}"
            image, mask = (_image(read(name), name, path) for name in (file.image, file.mask))
            yield Masked(
                image.convert("RGB"),
                _marked(mask, image, f"{path}/{file.mask}"),
                file.label,
                groups.get(file.image, place),
                place,
            )


def masked_files(names: Sequence[str], where: Path, *, label: str = "") -> list[MaskedFile]:
    """Which files are images, and which their masks, sorted.

    Args:
        names: of all files, with folders.
        where: they are, for messages.
        label: the class of files that stand in no class folder.

    Raises:
        DataError: see `read_masked`.
    """
    plain = sorted(name for name in names if not any(map(passed_over, PurePosixPath(name).parts)) and not name.endswith("/"))
    plain = [name for name in plain if PurePosixPath(name).suffix.lower() not in (".csv", ".json", ".md", ".txt")]
    masks = {_stem(name).removesuffix(_MARK): name for name in plain if _stem(name).endswith(_MARK)}
    images = {_stem(name): name for name in plain if not _stem(name).endswith(_MARK)}
    if not images:
        raise DataError(f"{where} holds no images. Give class folders of images with masks: cup/1.jpg and cup/1_mask.png.")
    for stem, name in images.items():
        if stem not in masks:
            raise DataError(f"{name} in {where} has no mask. {_EXAMPLE}; or leave the image out.")
    for stem, name in masks.items():
        if stem not in images:
            raise DataError(f"{name} in {where} is the mask of no image. {_EXAMPLE}; or leave the mask out.")
    found = [MaskedFile(name, masks[stem], PurePosixPath(name).parent.name or label) for stem, name in images.items()]
    nameless = next((file for file in found if not file.label), None)
    if nameless is not None:
        raise DataError(f"{nameless.image} in {where} is in no class folder. Put it into one that names its class: cup/1.jpg.")
    return found


def without_masks(files: Sequence[Path]) -> list[Path]:
    """The files of a folder without the masks of those among them.

    >>> [path.name for path in without_masks([Path("1.jpg"), Path("1_mask.png"), Path("my_mask.jpg")])]
    ['1.jpg', 'my_mask.jpg']
    """
    stems = {path.stem for path in files}
    return [path for path in files if not path.stem.endswith(_MARK) or path.stem.removesuffix(_MARK) not in stems]


def shares(mask: np.ndarray, side: int) -> Tensor:
    """Which share of each cell of a grid of side × side cells is marked, (side, side), to 1/255.

    >>> shares(np.eye(4, dtype=bool), 2).round(decimals=2)
    tensor([[0.5000, 0.0000],
            [0.0000, 0.5000]])
    """
    small = Image.fromarray(mask.astype(np.uint8) * 255).resize((side, side), Image.Resampling.BOX)
    return torch.from_numpy(np.array(small, dtype=np.float32) / 255)


def _stem(name: str) -> str:
    """A file's name without its ending, with its folders."""
    place = PurePosixPath(name)
    return str(place.with_name(place.stem))


def _marked(mask: Image.Image, image: Image.Image, place: str) -> np.ndarray:
    if mask.size != image.size:
        sizes = " and ".join(f"{each.width}×{each.height}" for each in (mask, image))
        raise DataError(
            f"{place} and its image have {sizes} pixels. Draw the mask on the image itself, so that they are as large."
        )
    marked = np.asarray(mask.convert("L")) >= _WHITE
    if marked.all() or not marked.any():
        what = "every pixel" if marked.any() else "nothing"
        raise DataError(f"{place} marks {what}: it must be white where the class is, and black elsewhere. Draw it anew.")
    return marked


def _image(content: bytes, name: str, path: Path) -> Image.Image:
    try:
        return decoded(content)
    except DataError as error:
        raise DataError(f"{name} in {path}: {error}") from error


def _groups(content: bytes, path: Path, group: str) -> dict[str, str]:
    """What each image belongs to, where the manifest says so."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{MANIFEST} of {path} is not UTF-8. Save it as CSV UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text))
    lacking = [column for column in ("image", group) if column not in (reader.fieldnames or ())]
    if lacking:
        raise DataError(
            f'{MANIFEST} of {path} has no column "{lacking[0]}". It has: {", ".join(reader.fieldnames or ()) or "none"}. '
            "Add it, or leave the manifest out: then each image stands alone."
        )
    found = [(row["image"] or "", row[group] or "") for row in reader]
    twice = next((name for name, times in Counter(name for name, _ in found).items() if times > 1), None)
    if twice is not None:
        raise DataError(f'{MANIFEST} of {path} names "{twice}" twice. Keep one row of each image.')
    return {name: f"{path}: {belongs}" for name, belongs in found if belongs}
