"""Images with a manifest: a table in their folder or ZIP says of each file which class it is of, and what belongs together."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from quickstudy.datasets.archive import opened
from quickstudy.datasets.class_folders import ClassFolders
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.class_parts import USUAL, check_enough_classes, cuts_of
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_zip import image_zip
from quickstudy.errors import DataError
from quickstudy.inputs.decoding import decoded
from quickstudy.inputs.images import Images

__all__ = ["MANIFEST", "GroupOf", "image_manifest", "parts_of_classes"]

MANIFEST = "manifest.csv"
_SPLITS = "splits.json"

GroupOf = Callable[[Mapping[str, str]], str]
"""From a row of the manifest what its image belongs to; raises ValueError with a reason where the row does not say."""


def image_manifest(
    path: str | Path,
    *,
    reads: Images,
    group: str | GroupOf,
    needs: Sequence[str] = (),
    name: str | None = None,
) -> ClassIndex:
    """Images of many classes, of which those of one group (a patient, a slide, a region) never are on both sides of a task.

    The folder or ZIP holds ``manifest.csv``, UTF-8, with the columns ``file`` (a path within it) and ``class``, and those that
    ``group`` needs. Without a manifest, class folders are read, and nothing belongs together.

    Args:
        path: of the folder or the ZIP.
        reads: how each image becomes a row.
        group: a column of the manifest, or a function of its rows.
        needs: columns that such a function reads.
        name: used in messages and reports; that of the file by default.

    Raises:
        DataError: no folder and no ZIP, a manifest that lacks a column, is empty, is not UTF-8 or names a file that is not
            there, rows without a class or a group, images that cannot be read, or all of one class.
    """
    path = Path(path)
    called = name or path.name.removesuffix(".zip")
    with opened(path, "images") as (names, read):
        if MANIFEST not in names:
            return image_folder(path, reads=reads, name=called) if path.is_dir() else image_zip(path, reads, called)
        there = set(names)
        columns = ["file", "class", *([group] if isinstance(group, str) else needs)]
        rows = _rows(read(MANIFEST), path, columns)
        of = group if callable(group) else partial(_of_column, column=group)
        listed: dict[str, list[str]] = {}
        groups: dict[str, str] = {}
        for number, row in rows:
            file, label = row["file"].strip(), row["class"].strip()
            if not label:
                raise _of_row(path, number, "has no class")
            if file not in there:
                raise _of_row(path, number, f'names "{file}", which is not in {path.name}')
            if file in groups:
                raise _of_row(path, number, f'names "{file}" a second time')
            groups[file] = _group(of, row, path, number)
            listed.setdefault(label, []).append(file)
        index = ClassFolders(str(path), called, reads, "raise").read(listed, lambda file: _image(read(file), file, path))
    ordered = [groups[file] for label in sorted(listed) for file in listed[label]]
    known = sorted(set(ordered))
    number_of = {found: number for number, found in enumerate(known)}
    return replace(index, groups=torch.tensor([number_of[found] for found in ordered]), group_names=tuple(known))


def parts_of_classes(index: ClassIndex, path: str | Path, *, seed: int = 0) -> dict[str, tuple[str, ...]]:
    """The classes of meta-training, meta-validation and meta-test: as ``splits.json`` says, else 60, 20 and 20 % at random.

    Args:
        index: all classes.
        path: of the folder or ZIP. The file lies in it, or beside the ZIP: ``{"train": ["cat", …], "val": […], "test": […]}``.
        seed: of parts at random.

    Raises:
        DataError: such a file that cannot be read, that names unknown classes or one twice, or too few classes to part.
    """
    path = Path(path)
    with opened(path, "images") as (names, read):
        content = read(_SPLITS) if _SPLITS in names else None
    beside = path.parent / _SPLITS
    if content is None and path.is_file() and beside.is_file():
        content = beside.read_bytes()
    if content is None:
        check_enough_classes(len(index.classes), USUAL, index.name)
        order = torch.randperm(len(index.classes), generator=torch.Generator().manual_seed(seed)).tolist()
        cuts = cuts_of(len(order), USUAL)
        shuffled = [index.classes[place] for place in order]
        return {part: tuple(shuffled[low:high]) for part, (low, high) in zip(Splits._fields, pairwise(cuts), strict=True)}
    return _said(content, index, path)


def _said(content: bytes, index: ClassIndex, path: Path) -> dict[str, tuple[str, ...]]:
    example = '{"train": ["cat", "dog"], "val": [], "test": ["fox", "owl"]}'
    try:
        found: Any = json.loads(content.decode("utf-8"))
        parts = {part: tuple(found[part]) for part in Splits._fields}
        listed = [str(label) for labels in parts.values() for label in labels]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{_SPLITS} of {path} cannot be read ({error!r}). Write it as {example}.") from error
    unknown = sorted(set(listed) - set(index.classes))
    if unknown:
        raise DataError(f'{_SPLITS} of {path} names the class "{unknown[0]}", which has no images. Leave it out.')
    if len(set(listed)) < len(listed):
        twice = next(label for label in listed if listed.count(label) > 1)
        raise DataError(f'{_SPLITS} of {path} names the class "{twice}" twice. Keep each class in one part.')
    return parts


def _rows(content: bytes, path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows by the number of their line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{MANIFEST} of {path} is not UTF-8 (byte {content[error.start]:#04x} at {error.start}). Save it as CSV UTF-8."
        ) from error
    reader = csv.DictReader(io.StringIO(text))
    there = list(reader.fieldnames or [])
    for column in columns:
        if column not in there:
            raise DataError(
                f'{MANIFEST} of {path} has no column "{column}". It has: {", ".join(there) or "none"}. '
                f"It needs: {', '.join(columns)}."
            )
    rows = [(reader.line_num, {column: row[column] or "" for column in columns}) for row in reader]
    if not rows:
        raise DataError(f"{MANIFEST} of {path} has no rows. Write one for each image: {', '.join(columns)}.")
    return rows


def _of_column(row: Mapping[str, str], *, column: str) -> str:
    if not row[column].strip():
        raise ValueError(f'has nothing in the column "{column}"')
    return row[column].strip()


def _group(of: GroupOf, row: Mapping[str, str], path: Path, number: int) -> str:
    try:
        return of(row)
    except ValueError as error:
        raise _of_row(path, number, str(error)) from error


def _of_row(path: Path, number: int, what: str) -> DataError:
    return DataError(f"row {number} of {MANIFEST} of {path} {what}. Mend this row, or leave it out.")


def _image(content: bytes, file: str, path: Path) -> Any:
    try:
        return decoded(content)
    except DataError as error:
        raise DataError(f"{file} in {path}: {error}") from error
