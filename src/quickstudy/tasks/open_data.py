"""Data by one text: a name, a folder, a file or ``file.py:function``, read and parted for meta-training."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from quickstudy.borders.arguments import shown
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.image_parts import image_parts
from quickstudy.datasets.manifest import digest_of_data, digest_of_files, files_below
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import Argument, DataError, nearest
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.storage.own_code import code_file, hash_of_code, names_code
from quickstudy.tasks.named_data import Sources, data_names, named_data, own_data, read_by

__all__ = ["Opened", "Reading", "Whole", "open_data", "open_unparted"]

_log = logging.getLogger("quickstudy")
_TABLES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".parquet", ".pq")
_PHOTOS = Images(size=(84, 84), channels=3, strokes=False)
_OF_IMAGES = ("by_path", "smallest", "skip_broken")


@dataclass(frozen=True)
class Reading:
    """How a folder or a file of one's own is read.

    Args:
        label: column of a table that holds the classes.
        target: column of a table that holds numbers to be predicted; needs a task column.
        labels: columns of a table with 0 and 1, of which a row may have several ones; needs a task column.
        text_column: column of a table that holds texts, if these are the inputs.
        image_column: column of a table that holds paths of images, from the table's folder on, if these are the inputs.
        task_column: column of a table of which each value is a task of its own: a patient, an assay, a customer.
        group_column: column of a table whose values are never on both sides of a task: a recording, a day.
        time_column: column of a table that orders the rows of a task: numbers or dates.
        split_column: column of a table that says "train", "val" or "test", or whose values are parted at random; the task's or
            the label's by default.
        columns: the columns of a table that are inputs; all that are nothing else by default.
        leave_out: columns of a table that are no inputs.
        categories: columns of a table whose numbers are codes of categories.
        encoding: of a text file.
        by_path: every folder that holds images, at any depth, is a class, named by its path.
        smallest: classes or tasks with fewer examples are left out, and named in the log.
        skip_broken: leave out images that cannot be read; each is named in the log.
    """

    label: str | None = None
    target: str | None = None
    labels: tuple[str, ...] = ()
    text_column: str | None = None
    image_column: str | None = None
    task_column: str | None = None
    group_column: str | None = None
    time_column: str | None = None
    split_column: str | None = None
    columns: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    encoding: str = "utf-8"
    by_path: bool = False
    smallest: int = 0
    skip_broken: bool = False

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that are not as by default."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != field.default)


@dataclass(frozen=True)
class Opened:
    """Data that was opened.

    Args:
        name: of the data, for reports and folders.
        content: three indices of classes, three tables of tasks, or three sources.
        digest: of what was read; other data have another one. Of ``file.py:function`` it is that of the file.
    """

    name: str
    content: Splits | TableSplits | Sources
    digest: str


@dataclass(frozen=True)
class Whole:
    """Data as it lies there: as `Opened`, and in one part where it does not bring three."""

    name: str
    content: Splits | TableSplits | Sources | ClassIndex | Table
    digest: str


def open_data(
    spec: str,
    reading: Reading = Reading(),
    *,
    reads: InputKind | None = None,
    seed: int = 0,
    trust: bool = False,
) -> Opened:
    """Data for meta-training, in three parts.

    Args:
        spec: a name (see `data_names`); a folder of class folders of images, or of folders train, val and test with class
            folders; a ZIP of such folders; a table (CSV, TSV, JSON lines, Parquet); or ``file.py:function`` that returns
            `Splits`, `TableSplits` or three sources.
        reading: how a folder or a file is read.
        reads: how images, texts or rows become inputs, where a backbone or a learner says so.
        seed: of the split, where data does not bring one.
        trust: of ``file.py:function``: the user has named it now, so it is put on the list of code that may run; otherwise it
            must be there, unchanged.

    Raises:
        DataError: there is no such data, or it cannot be read as it is; too few classes to part them.
        UserError: code that is not on the list, is not there, or fails.

    >>> opened = open_data("glyphs")
    >>> opened.name, len(opened.content.test.classes)
    ('glyphs', 582)
    """
    found = open_unparted(spec, reading, reads=reads, seed=seed, trust=trust, parted=True)
    content = found.content
    assert not isinstance(content, ClassIndex | Table)
    return Opened(found.name, content, found.digest)


def open_unparted(
    spec: str,
    reading: Reading = Reading(),
    *,
    reads: InputKind | None = None,
    seed: int = 0,
    trust: bool = False,
    parted: bool = False,
) -> Whole:
    """Data as it lies there, in one part where it does not bring three: to examine it, or to evaluate on all of its classes.

    Args:
        spec, reading, reads, seed, trust: as for `open_data`.
        parted: whether classes (or tasks) are parted at random where the data does not say how.

    Raises:
        DataError, UserError: as `open_data`.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise DataError(f"{shown(spec)} names no data. Give a name, a folder or a file as a text, or file.py:function.")
    if names_code(spec):
        _refuse(reading, (), f"{spec} is code")
        own = own_data(spec, trust)
        content = Splits(*[read_by(part, reads) for part in own]) if isinstance(own, Splits) else own
        return Whole(spec.rpartition(":")[2], content, hash_of_code(code_file(spec))[:16])
    if spec in data_names():
        _refuse(reading, (), f"{spec} is a data set by name")
        if Path(spec).exists():
            _log.warning("%s is the data set of this name; the folder or file here would be ./%s", spec, spec)
        named = named_data(spec)
        if isinstance(named, Sources):
            return Whole(spec, named, named.train.name)
        return Whole(spec, Splits(*[read_by(part, reads) for part in named]), digest_of_data(named))
    path = Path(spec)
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"):
        _refuse(reading, _OF_IMAGES, f"{spec} holds class folders of images")
        return _of_images(path, reading, reads, seed if parted else None)
    if path.is_file() and _kind_of(path) in _TABLES:
        allowed = [field.name for field in fields(Reading) if field.name not in ("by_path", "skip_broken")]
        _refuse(reading, allowed, f"{spec} is a table")
        return _of_table(path, reading, reads, seed, parted)
    raise _unknown(spec, path)


def _refuse(reading: Reading, allowed: Sequence[str], what: str) -> None:
    wrong = [name for name in reading.given if name not in allowed]
    if wrong:
        raise DataError(f"{what}, for which there is no ", Argument(wrong[0]), ". Leave it out.")


def _of_images(path: Path, reading: Reading, reads: InputKind | None, seed: int | None) -> Whole:
    if reads is not None and not isinstance(reads, Images):
        raise DataError(f"{path} holds images, but {reads.things} are read here. Choose a backbone for images, or other data.")
    found = image_parts(
        path,
        reads=reads or _PHOTOS,
        on_error="skip" if reading.skip_broken else "raise",
        by_path=reading.by_path,
        smallest=reading.smallest,
        seed=seed,
    )
    name = path.stem if path.is_file() else path.resolve().name
    digest = digest_of_files([path], path.parent) if path.is_file() else digest_of_files(files_below(path), path)
    return Whole(name, found, digest)


def _of_table(path: Path, reading: Reading, reads: InputKind | None, seed: int, parted: bool) -> Whole:
    split = reading.split_column or ((reading.task_column or reading.label) if parted else None)
    columns: list[str] | None = list(reading.columns) or None
    found = table(
        path,
        label=reading.label,
        target=reading.target,
        labels=reading.labels,
        task=reading.task_column,
        text=reading.text_column,
        image=reading.image_column,
        group=reading.group_column,
        time=reading.time_column,
        split=split,
        columns=columns,
        leave_out=reading.leave_out,
        categories=reading.categories,
        reads=reads,
        smallest=reading.smallest,
        seed=seed,
        encoding=reading.encoding,
    )
    files = [path]
    if reading.image_column is not None:
        named = read_table_file(path, as_written=[reading.image_column], encoding=reading.encoding)[reading.image_column]
        files += [path.parent / file for file in sorted(set(named))]
    return Whole(path.name.split(".")[0], found, digest_of_files(files, path.parent))


def _kind_of(path: Path) -> str:
    kinds = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return kinds[-1] if kinds else ""


def _unknown(spec: str, path: Path) -> DataError:
    names = ", ".join(data_names())
    if path.exists():
        return DataError(
            f"{spec} is none of the files that are read as data. Give a folder or a ZIP of class folders of images, a table "
            f"({', '.join(_TABLES)}), or file.py:function."
        )
    around = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = nearest(spec, data_names()) or nearest(path.name, around)
    return DataError(
        f"{spec} is no folder or file here, and no name of a data set.{hint} Data sets: {names}. Or give a folder or a ZIP of "
        "class folders of images, a table (.csv, .tsv, .jsonl, .parquet), or file.py:function."
    )
