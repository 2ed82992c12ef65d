"""A user's own examples as a support set: a folder of class folders, or a file of rows, read as the learner reads its inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.class_names import check_names
from quickstudy.datasets.image_folder import image_folder
from quickstudy.datasets.image_reading import ImageReading, OnError
from quickstudy.datasets.image_zip import image_zip
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import Table
from quickstudy.errors import Argument, DataError, LearnerError, nearest
from quickstudy.inputs.cells import Cells
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.raw_columns import some_names
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.inputs.sentences import Sentences
from quickstudy.inputs.word_forms import WordForms
from quickstudy.learner import Learner
from quickstudy.task import Examples
from quickstudy.use.marked_support import marked_support
from quickstudy.use.masked_support import masked_support
from quickstudy.use.pair_support import text_support
from quickstudy.use.text_files import entries, is_text, text_of

__all__ = ["TABLES", "Roles", "SupportSet", "is_table", "named_column", "support_set"]

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")
"""Endings of files of rows, ``.gz`` behind them or not."""


@dataclass(frozen=True)
class Roles:
    """Which column of a file of rows is what; None where it is found by its usual name, or by being the only one left.

    Args:
        label: of class names.
        target: of numbers to be predicted.
        labels: of 0 and 1, for learners of several labels a row.
        text_column: of texts.
        image_column: of image files; paths are taken from the file's folder.
        encoding: of a text file.
        by_path: every folder that holds images, at any depth, is a class, named by its path.
        smallest: class folders with fewer images are left out.
    """

    label: str | None = None
    target: str | None = None
    labels: tuple[str, ...] = ()
    text_column: str | None = None
    image_column: str | None = None
    encoding: str = "utf-8"
    by_path: bool = False
    smallest: int = 0


@dataclass(frozen=True)
class SupportSet:
    """Examples that were read.

    Args:
        examples: raw inputs and their targets.
        classes: names of the classes; None where targets are values.
        places: the file or the row of each example, for messages.
        name: of the data.
    """

    examples: Examples
    classes: tuple[str, ...] | None
    places: tuple[str, ...]
    name: str

    def __len__(self) -> int:
        return len(self.places)


def support_set(
    path: str | Path,
    learner: Learner[Any],
    roles: Roles = Roles(),
    *,
    least: int = 2,
    on_error: OnError = "raise",
) -> SupportSet:
    """The examples of a folder or a file, as a learner's own ``reads`` reads them.

    A learner of images takes a folder of class folders of images, a ZIP of them, or a table with a column of image files; one
    of texts a folder of class folders of ``.txt`` files, or a table with a column of texts; one of rows a table with its columns
    (others are passed over); one of words marked sentences; one of cells images with masks beside them. Tables are CSV, TSV,
    JSON lines or Parquet.

    Args:
        path: of the folder or the file.
        learner: which is to be adapted.
        roles: which column is what.
        least: number of classes that there must be: 1 for examples that are added to others.
        on_error: "skip" leaves broken images out.

    Raises:
        DataError: no such folder, file or column, one class alone, or something in it that cannot be read.
        LearnerError: the learner does not know how raw things become inputs.
    """
    path = Path(path)
    reads = learner.reads
    if reads is None:
        raise LearnerError(
            f"this {type(learner).__name__} does not know how a file becomes an input: it was trained on a source of numbers. "
            "Adapt it in Python: learner(Examples.of(x, y))."
        )
    if isinstance(reads, Sentences):
        if not path.is_file():
            raise DataError(f"{path} is no file. Give marked sentences: JSON lines with tokens and spans, or a word a line.")
        examples, classes, places = marked_support(path, learner, encoding=roles.encoding)
        return SupportSet(examples, classes, tuple(places), path.name)
    if isinstance(reads, Cells):
        examples, classes, places = masked_support(path, learner)
        return SupportSet(examples, classes, tuple(places), path.name)
    if isinstance(reads, SentenceChoices | WordForms):
        examples, rows = text_support(path, learner, encoding=roles.encoding)
        return SupportSet(examples, None, rows, path.name)
    if path.is_file() and is_table(path):
        return _at_least(least, _of_table(path, learner, roles))
    if learner.likelihood.targets != "classes":
        what, argument = _ASKED[learner.likelihood.targets]
        raise DataError(
            f"{path} is no file of rows. This learner predicts {what}: give a CSV file with ", Argument(argument), "."
        )
    if isinstance(reads, Images):
        return _at_least(least, _of_images(path, reads, roles, on_error))
    if isinstance(reads, Columns) or not path.is_dir():
        what = "no file of rows" if path.exists() else "not there"
        raise DataError(f"{path} is {what}. Give a CSV, TSV, JSON lines or Parquet file of {reads.things}.")
    return _at_least(least, _of_texts(path, learner))


def is_table(path: Path) -> bool:
    """Whether a file's name says that it is one of rows."""
    return next((end for end in reversed(path.suffixes) if end.lower() != ".gz"), "").lower() in TABLES


def _at_least(least: int, found: SupportSet) -> SupportSet:
    if found.classes is not None and len(found.classes) < least:
        raise DataError(f"all {len(found)} examples of {found.name} are of one class. Add examples of another one.")
    return found


def _of_images(path: Path, reads: Images, roles: Roles, on_error: OnError) -> SupportSet:
    more: dict[str, Any] = {"on_error": on_error, "by_path": roles.by_path, "smallest": roles.smallest}
    if path.is_file() and path.suffix.lower() == ".zip":
        index = image_zip(path, reads, **more)
        return SupportSet(index.examples(), index.classes, _places(path, index), index.name)
    folders = [entry for entry in entries(path) if entry.is_dir()] if path.is_dir() else []
    inside = entries(folders[0]) if len(folders) == 1 else []
    if not inside or any(entry.is_dir() for entry in inside):
        index = image_folder(path, reads=reads, **more)
        return SupportSet(index.examples(), index.classes, _places(path, index), index.name)
    reading = ImageReading(reads, on_error, keep=len(inside))
    places = tuple(str(file) for file in inside if reading.add(partial(Path, file)))
    reading.check(str(path))
    if not places:
        raise DataError(f"{folders[0]} holds no images. Put at least one into it.")
    examples = Examples.of(reads.scaled(reading.rows()), torch.zeros(len(places), dtype=torch.long), 1)
    return SupportSet(examples, (folders[0].name,), places, path.resolve().name)


def _places(path: Path, index: ClassIndex) -> tuple[str, ...]:
    """The file of each image, where the folder's layout shows it; else its number in its class."""
    folders = [folder for folder in entries(path) if folder.is_dir()] if path.is_dir() else []
    files = [str(file) for folder in folders for file in entries(folder)]
    if len(files) == len(index):
        return tuple(files)
    counts = [0] * len(index.classes)
    found = []
    for label in index.labels.tolist():
        counts[label] += 1
        found.append(f"image {counts[label]} of {index.classes[label]}")
    return tuple(found)


def _of_texts(path: Path, learner: Learner[Any]) -> SupportSet:
    """Class folders of text files."""
    assert learner.reads is not None
    folders = [folder for folder in entries(path) if folder.is_dir()]
    if not folders:
        raise DataError(
            f"{path} holds no class folders. Put the texts of each class into a folder, {path}/bills/1.txt; or give a table."
        )
    names = [folder.name for folder in folders]
    check_names(names, str(path))
    files = [[file for file in entries(folder) if is_text(file)] for folder in folders]
    empty = next((folder for folder, inside in zip(folders, files, strict=True) if not inside), None)
    if empty is not None:
        raise DataError(f"{empty} holds no .txt files. Put at least one into it, or remove the folder.")
    places = [file for inside in files for file in inside]
    labels = torch.tensor([number for number, inside in enumerate(files) for _ in inside])
    x = learner.reads.batch([text_of(file) for file in places])
    return SupportSet(Examples.of(x, labels, len(names)), tuple(names), tuple(map(str, places)), path.resolve().name)


def _of_table(path: Path, learner: Learner[Any], roles: Roles) -> SupportSet:
    reads = learner.reads
    assert reads is not None
    targets = learner.likelihood.targets
    what, asked = _ASKED[targets]
    for other in ("label", "target", "labels"):
        if other != asked and getattr(roles, other):
            raise DataError(
                f"this learner predicts {what}. Name their column with ",
                Argument(asked),
                ", and leave ",
                Argument(other),
                " out.",
            )
    rows = read_table_file(path, encoding=roles.encoding)
    known = reads.names if isinstance(reads, Columns) else ()
    if targets == "labels" and not roles.labels:
        raise DataError(
            f"{path} has the columns {some_names(list(rows))}. Say which hold labels, 0 or 1, with ", Argument("labels"), "."
        )
    named = [getattr(roles, asked)] if targets != "labels" else list(roles.labels)
    answers = [named_column(rows, path, asked, column, taken=known) for column in named]
    given: dict[str, Any] = {}
    if isinstance(reads, Images):
        given["image"] = named_column(rows, path, "image_column", roles.image_column, taken=answers)
    elif not isinstance(reads, Columns):
        given["text"] = named_column(rows, path, "text_column", roles.text_column, taken=answers)
    as_written = [given[role] for role in ("image", "text") if role in given]
    as_written += answers if targets == "classes" else []
    rows = read_table_file(path, as_written=as_written, texts=_texts(reads), encoding=roles.encoding)
    if "image" in given:
        rows[given["image"]] = [
            str(path.parent / file) if isinstance(file, str) and file.strip() else "" for file in rows[given["image"]]
        ]
    count = len(rows[answers[0]])
    task = next(name for name in ("task", *(f"task {n}" for n in range(len(rows) + 1))) if name not in rows)
    one: dict[str, Any] = {asked: answers if targets == "labels" else answers[0], "task": task, "reads": reads, "name": path.name}
    found: Table = table(dict(rows) | {task: ["all"] * count}, **one, **given)
    x = found.gather(torch.arange(count))
    examples = Examples.of(x, found.y, len(found.classes) if targets == "classes" else None, kind=targets)
    return SupportSet(examples, found.classes or None, tuple(f"{path} row {row}" for row in range(count)), path.name)


def _texts(reads: InputKind) -> list[str]:
    """Columns whose values are texts even where all look like numbers."""
    return [column.name for column in reads.columns if column.kind == "category"] if isinstance(reads, Columns) else []


_ASKED = {"classes": ("classes", "label"), "values": ("numbers", "target"), "labels": ("several labels a row", "labels")}
"""What a learner of each kind of targets predicts, and the argument that names its column."""

_USUAL = {
    "labels": ("labels",),
    "label": ("label", "class", "labels", "category"),
    "target": ("target", "y", "value"),
    "text_column": ("text", "sentence", "texts", "smiles"),
    "image_column": ("image", "file", "path", "filename"),
}


def named_column(rows: Mapping[str, Any], path: str | Path, role: str, given: str | None, *, taken: Sequence[str] = ()) -> str:
    """The column that has a role: the one named, or one with the usual name, or the only one left.

    Args:
        rows: values by column.
        path: of the file, for messages.
        role: argument that names the column.
        given: its value.
        taken: columns that are something else.

    Raises:
        DataError: there is no such column, or it must be named.

    >>> named_column({"words": [], "queue": []}, "tickets.csv", "text_column", None, taken=("queue",))
    'words'
    """
    if given is not None:
        if given not in rows:
            near = nearest(given, rows)
            raise DataError(
                f"{path} has no column {given!r}, which is the value of ",
                Argument(role),
                f".{near} It has {some_names(list(rows))}.",
            )
        if given in taken:
            raise DataError(f'the column "{given}" of {path} cannot be two things. Name another with ', Argument(role), ".")
        return given
    free = [name for name in rows if name not in taken]
    usual = [name for name in free if name.lower() in _USUAL[role]]
    if len(usual) == 1 or len(free) == 1:
        return (usual or free)[0]
    raise DataError(f"{path} has the columns {some_names(list(rows))}. Say which it is with ", Argument(role), ".")
