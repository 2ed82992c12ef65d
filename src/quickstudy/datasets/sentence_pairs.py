"""Sentences of many languages with their translations: of the package's data, or of a table of one's own."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_columns import codes
from quickstudy.datasets.table_file import read_table_file, text_of_file
from quickstudy.datasets.table_split import part_column, parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.functional.spelling import codes_of
from quickstudy.inputs.sentence_choices import SentenceChoices

__all__ = ["own_translations", "pair_rows", "read_pairs", "translations"]

_COLUMNS = ("language", "source", "translation")
_FEWEST = 20


def translations(kind: SentenceChoices = SentenceChoices()) -> TableSplits:  # noqa: B008  frozen
    """59 languages of Tatoeba with English, up to 350 pairs each, parted into 39, 6 and 14 languages.

    Source: Artetxe & Schwenk, 2019, Massively multilingual sentence embeddings for zero-shot cross-lingual transfer and beyond.

    Raises:
        DataError: the files are not there.
    """
    path = shipped("translation/tatoeba.tsv.gz")
    parts = json.loads(shipped("translation/splits.json").read_text(encoding="utf-8"))["by_language"]
    part_of = {language: part for part, languages in parts.items() for language in languages}
    lines = [line.split("\t") for line in text_of_file(path).splitlines()[1:]]  # its quotes stand for themselves
    rows: dict[str, list[Any]] = {name: [line[place] for line in lines] for place, name in ((0, "language"), (2, "source"))}
    rows["translation"] = [line[3] for line in lines]
    return _tables(rows, [part_of[language] for language in rows["language"]], "tatoeba", kind)


def own_translations(path: str | Path, kind: SentenceChoices = SentenceChoices(), *, encoding: str = "utf-8") -> TableSplits:  # noqa: B008
    """A table of one's own with the columns language, source and translation; its languages are parted at random.

    Languages with fewer than twenty rows are refused, so that there is something to choose among.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        kind: how sentences are read.
        encoding: of a text file.

    Raises:
        DataError: what is wrong with the file, a column or a row; too few languages or rows.
    """
    rows = pair_rows(path, needed=_COLUMNS, encoding=encoding)
    names, _ = codes(rows["language"], f'{path}: the column "language"')
    counts = Counter(map(str, rows["language"]))
    small = [f"{name} ({counts[name]})" for name in names if counts[name] < _FEWEST]
    if small:
        raise DataError(f"{path}: a language needs {_FEWEST} rows or more, and {', '.join(small[:5])} has fewer. Leave it out.")
    parts = parts_of(rows, "language", ("language", "language"), (0.6, 0.2, 0.2), 0, str(path))
    return _tables(rows, part_column(parts, len(rows["language"])), Path(path).name.split(".")[0], kind)


def pair_rows(
    path: str | Path, *, needed: tuple[str, ...] = ("source", "translation"), encoding: str = "utf-8"
) -> dict[str, list[Any]]:
    """Columns of a table of sentences, as they are written.

    Args:
        path: of the file.
        needed: the columns.
        encoding: of a text file.

    Raises:
        DataError: a column is missing, or the file cannot be read.
    """
    found = read_table_file(path, as_written=needed, encoding=encoding)
    for name in needed:
        if name not in found:
            raise DataError(
                f'{path} has no column "{name}". Sentences are rows of {" and ".join(needed)}; there are {", ".join(found)}.'
            )
    return {name: list(found[name]) for name in needed}


def read_pairs(rows: Mapping[str, list[Any]], chosen: Sequence[int], kind: SentenceChoices, name: str) -> tuple[Tensor, Tensor]:
    """Some rows of `pair_rows` as code points of the sentences (R, L), and of their translations (R, L).

    Args:
        rows: values by column.
        chosen: numbers of rows.
        kind: how they are read.
        name: of the data, for messages.

    Raises:
        DataError: a sentence that is empty or no text; the row is named.
    """
    place = f"{name} row {{}} (the first is 0): the {{}}"
    source, translation = (
        [kind.spelled(rows[column][row], place.format(row, column)) for row in chosen] for column in ("source", "translation")
    )
    return codes_of(source, kind.length), codes_of(translation, kind.length)


def _tables(rows: Mapping[str, list[Any]], part: list[str], name: str, kind: SentenceChoices) -> TableSplits:
    found = []
    for wanted in TableSplits._fields:
        chosen = [row for row, of in enumerate(part) if of == wanted]
        names, tasks = codes([rows["language"][row] for row in chosen], f'{name}: the column "language"')
        assert tasks is not None
        source, translation = read_pairs(rows, chosen, kind, name)
        y = translation.to(torch.get_default_dtype())
        found.append(Table({"source": source}, y, tasks, names, name=f"{name}/{wanted}", reads=kind))
    return TableSplits(*found)
