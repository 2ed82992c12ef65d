"""Sentences of many languages with their translations: of the package's data, or of a table of one's own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.by_language import as_written, parted, parted_at_random
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_file import text_of_file
from quickstudy.datasets.task_table import TableSplits
from quickstudy.functional.spelling import codes_of
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.task import Inputs

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
    return _tables(rows, parted_at_random(rows, _FEWEST, path), Path(path).name.split(".")[0], kind)


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
    return as_written(path, needed, f"Sentences are rows of {' and '.join(needed)}", encoding=encoding)


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
    def read(rows: Mapping[str, list[Any]], chosen: Sequence[int], name: str) -> tuple[Inputs, Tensor]:
        source, translation = read_pairs(rows, chosen, kind, name)
        return {"source": source}, translation.to(torch.get_default_dtype())

    return parted(rows, part, name, kind, read)
