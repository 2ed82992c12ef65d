"""The queries of a predictor: images, texts and rows out of files, folders and streams, each with its place, broken ones too."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from quickstudy.datasets.mask_folder import without_masks
from quickstudy.datasets.sentence_pairs import pair_rows
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.word_forms import form_rows
from quickstudy.errors import Argument, DataError, UserError, nearest
from quickstudy.inputs.cells import Cells
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.raw_columns import some_names
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.inputs.word_forms import WordForms
from quickstudy.use.support_set import Roles, is_table, named_column
from quickstudy.use.text_files import entries, text_of

__all__ = ["Query", "fault_of", "queries_of_files", "queries_of_lines", "queries_of_rows", "queries_of_texts"]

_LONGEST_PLACE = 200


@dataclass(frozen=True)
class Query:
    """One raw thing to be answered, or what is wrong with it.

    Args:
        place: how answers and messages call it: a file, a row of a file, the text itself.
        thing: as the predictor's ``reads`` takes it; None where it is broken.
        fault: what is wrong; None where nothing is known to be.
    """

    place: str
    thing: Any = None
    fault: UserError | None = None


def queries_of_files(paths: Iterable[str | Path], reads: InputKind, roles: Roles = Roles()) -> Iterator[Query]:  # noqa: B008  frozen
    """Queries of files and folders: images or text files each, folders of them, tables row by row.

    A path that cannot be read is one broken query; the others are answered.

    Args:
        paths: in order; a folder gives its files, without those in folders inside it, and without masks of its images.
        reads: of the predictor.
        roles: which column of a table is what.
    """
    for given in paths:
        path = Path(given)
        try:
            if path.is_dir():
                files = [entry for entry in entries(path) if entry.is_file()]
                files = without_masks(files) if isinstance(reads, Cells) else files
                if not files:
                    raise DataError(f"there are no {reads.things} in {path}. Name files, or a folder with files in it.")
            elif path.exists() and not path.is_file():
                raise DataError(f"{path} is no file. Name a file or a folder of {reads.things}.")
            else:
                files = [path]
        except DataError as error:
            yield Query(str(path), fault=error)
            continue
        for file in files:
            yield from _of_file(file, reads, roles)


def _of_images(reads: InputKind) -> bool:
    """Whether raw things are images, whole or cut into cells."""
    return isinstance(reads, Images | Cells)


def _of_file(path: Path, reads: InputKind, roles: Roles) -> Iterator[Query]:
    try:
        if is_table(path):
            yield from _of_table(path, reads, roles)
        elif _of_images(reads):
            yield Query(str(path), path)
        elif isinstance(reads, Columns):
            raise DataError(
                f"{path} is no file of rows. Give a CSV, TSV, JSON lines or Parquet file, or rows with ", Argument("row"), "."
            )
        else:
            yield Query(str(path), text_of(path))
    except DataError as error:
        yield Query(str(path), fault=error)


def _of_table(path: Path, reads: InputKind, roles: Roles) -> Iterator[Query]:
    """The rows of a table, each apart: what one row holds decides nothing about another."""
    if isinstance(reads, Columns):
        texts = [column.name for column in reads.columns if column.kind == "category"]
        rows = read_table_file(path, texts=texts, encoding=roles.encoding)
        _check_columns(path, rows, reads)
        values = {column.name: _each(rows[column.name], column) for column in reads.columns}
        for row in range(len(values[reads.names[0]])):
            yield Query(f"{path} row {row}", {name: held[row] for name, held in values.items()})
        return
    if isinstance(reads, WordForms):
        found = form_rows(path, needed=("lemma", "tags"), encoding=roles.encoding)
        for row, (lemma, tags) in enumerate(zip(found["lemma"], found["tags"], strict=True)):
            yield Query(f"{path} row {row}", {"lemma": lemma, "tags": tags})
        return
    if isinstance(reads, SentenceChoices):
        found = pair_rows(path, needed=("source", "candidates"), encoding=roles.encoding)
        for row, (source, candidates) in enumerate(zip(found["source"], found["candidates"], strict=True)):
            yield Query(f"{path} row {row}", {"source": source, "candidates": candidates})
        return
    images = _of_images(reads)
    role, given = ("image_column", roles.image_column) if images else ("text_column", roles.text_column)
    column = named_column(read_table_file(path, encoding=roles.encoding), path, role, given)
    for row, value in enumerate(read_table_file(path, as_written=[column], encoding=roles.encoding)[column]):
        if not isinstance(value, str) or not value.strip():
            yield Query(f"{path} row {row}", fault=DataError(f'{path} row {row} holds nothing in the column "{column}".'))
        else:
            yield Query(f"{path} row {row}", path.parent / value if images else value)


def _check_columns(path: Path, rows: Mapping[str, Any], reads: Columns) -> None:
    """Of all rows at once, so that a file without a column is one message and not a thousand."""
    for name in reads.names:
        if name not in rows:
            raise DataError(f'{path} has no column "{name}".{nearest(name, rows)} Give all of {some_names(reads.names)}.')
    for name in rows:
        if name not in reads.names:
            raise DataError(
                f"{path} has the column {name!r}, which is none of this predictor's. Leave it out; the columns are "
                f"{some_names(reads.names)}."
            )


def _each(values: Any, column: Column) -> list[Any]:
    """Values of a column as they are read one by one: one that is no number leaves the others numbers."""
    items = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return items if column.kind != "number" else [_number(item) for item in items]


def _number(item: Any) -> Any:
    if not isinstance(item, str) or "_" in item:
        return item
    try:
        return float(item)
    except ValueError:
        return item


def queries_of_texts(texts: Iterable[str], reads: InputKind) -> Iterator[Query]:
    """Queries of texts as they are.

    Raises:
        DataError: the predictor reads something else.
    """
    if isinstance(reads, Columns) or _of_images(reads):
        raise DataError(Argument("text"), f": this predictor reads {reads.things}, no texts.")
    for text in texts:
        yield Query(text[:_LONGEST_PLACE], text)


def queries_of_rows(rows: Iterable[str], reads: InputKind) -> Iterator[Query]:
    """Queries of rows in JSON, an object by column each.

    Raises:
        DataError: the predictor reads no rows.
    """
    if not isinstance(reads, Columns):
        raise DataError(Argument("row"), f": this predictor reads {reads.things}, no rows of a table.")
    for row in rows:
        yield _of_json(row, row[:_LONGEST_PLACE])


def queries_of_lines(lines: Iterable[str], reads: InputKind, roles: Roles = Roles()) -> Iterator[Query]:  # noqa: B008  frozen
    """Queries of a stream: a text, an image's path or a row in JSON on each line; empty lines are passed over.

    A line of a text that is a JSON object is taken by its column.

    Args:
        lines: of the stream.
        reads: of the predictor.
        roles: which entry of an object is the text or the image.
    """
    for number, line in enumerate(lines, 1):
        plain = line.rstrip("\r\n")
        if not plain.strip():
            continue
        if isinstance(reads, Columns):
            yield _of_json(plain, f"line {number}")
        elif plain.lstrip().startswith("{"):
            yield _named(_of_json(plain, f"line {number}"), reads, roles)
        else:
            yield Query(plain[:_LONGEST_PLACE], Path(plain) if _of_images(reads) else plain)


def _named(query: Query, reads: InputKind, roles: Roles) -> Query:
    """The text or the image in an object."""
    if query.fault is not None:
        return query
    images = _of_images(reads)
    role, given = ("image_column", roles.image_column) if images else ("text_column", roles.text_column)
    try:
        value = query.thing[named_column(query.thing, query.place, role, given)]
    except DataError as error:
        return Query(query.place, fault=error)
    return Query(query.place, Path(value) if images and isinstance(value, str) else value)


def _of_json(text: str, place: str) -> Query:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Query(place, fault=DataError(f'{place} is no JSON ({error}). Write a row as {{"age": 41}}.'))
    if not isinstance(found, dict):
        return Query(place, fault=DataError(f'{place} holds a {type(found).__name__}, no row. Write a row as {{"age": 41}}.'))
    return Query(place, found)


_FIRST = re.compile(r"\b(text|row) 0 \(the first is 0\)")


def fault_of(query: Query, error: UserError) -> UserError:
    """What is wrong with a query, by its place instead of its number among one."""
    parts = [_FIRST.sub(r"the \1", part) if isinstance(part, str) else part for part in error.args]
    place = [] if query.place in str(error) else [f"{query.place}: "]
    return type(error)(*place, *parts)
