"""Lemmas, features and inflected forms of many languages: of the package's data, or of a table of one's own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.by_language import as_written, parted, parted_at_random
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.task_table import TableSplits
from quickstudy.errors import DataError
from quickstudy.functional.spelling import codes_of
from quickstudy.inputs.word_forms import WordForms
from quickstudy.task import Inputs

__all__ = ["form_rows", "inflections", "own_inflections", "read_forms"]

_COLUMNS = ("language", "lemma", "tags", "form")
_FEWEST = 12


def inflections(kind: WordForms = WordForms()) -> TableSplits:  # noqa: B008  frozen
    """103 languages of UniMorph as the shared task of 2018 gave them, parted into 74, 9 and 20 languages.

    Source: Cotterell et al., 2018, The CoNLL–SIGMORPHON 2018 shared task: universal morphological reinflection.

    Raises:
        DataError: the files are not there.
    """
    path = shipped("inflection/inflection.tsv.gz")
    parts = json.loads(shipped("inflection/splits.json").read_text(encoding="utf-8"))["by_language"]
    part_of = {language: part for part, languages in parts.items() for language in languages}
    rows = form_rows(path, needed=_COLUMNS)
    return _tables(rows, [part_of[language] for language in rows["language"]], "inflection", kind)


def own_inflections(path: str | Path, kind: WordForms = WordForms(), *, encoding: str = "utf-8") -> TableSplits:  # noqa: B008
    """A table of one's own with the columns language, lemma, tags and form; its languages are parted at random.

    Languages with fewer than twelve rows are refused, so that each has a support set and queries.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        kind: how words are read.
        encoding: of a text file.

    Raises:
        DataError: what is wrong with the file, a column or a row; too few languages or rows.
    """
    rows = form_rows(path, needed=_COLUMNS, encoding=encoding)
    return _tables(rows, parted_at_random(rows, _FEWEST, path), Path(path).name.split(".")[0], kind)


def form_rows(
    path: str | Path, *, needed: tuple[str, ...] = ("lemma", "tags", "form"), encoding: str = "utf-8"
) -> dict[str, list[Any]]:
    """Columns of a table of words, as they are written.

    Args:
        path: of the file.
        needed: the columns.
        encoding: of a text file.

    Raises:
        DataError: a column is missing, or the file cannot be read.
    """
    said = f"Words are rows of {', '.join(needed)} (a form: machen, V;PST;3;SG, machte)"
    return as_written(path, needed, said, encoding=encoding)


def read_forms(rows: Mapping[str, list[Any]], chosen: Sequence[int], kind: WordForms, name: str) -> tuple[Inputs, Tensor]:
    """Some rows of `form_rows` as inputs and as targets, the code points of the forms.

    Args:
        rows: values by column.
        chosen: numbers of rows.
        kind: how they are read.
        name: of the data, for messages.

    Raises:
        DataError: a lemma, features or a form that cannot be read; the row is named.
    """
    things = [{"lemma": rows["lemma"][row], "tags": rows["tags"][row]} for row in chosen]
    try:
        x = kind.batch(things)
    except DataError:
        for row, thing in zip(chosen, things, strict=True):
            _read_one(thing, kind, f"{name} row {row} (the first is 0)")
        raise
    forms = [kind.spelled(rows["form"][row], f"{name} row {row} (the first is 0): the form") for row in chosen]
    return x, codes_of(forms, kind.length).to(torch.get_default_dtype())


def _read_one(thing: Mapping[str, Any], kind: WordForms, place: str) -> None:
    try:
        kind.batch([thing])
    except DataError as error:
        raise DataError(f"{place}: {str(error).replace('word 0 (the first is 0)', 'the word')}") from error


def _tables(rows: Mapping[str, list[Any]], part: list[str], name: str, kind: WordForms) -> TableSplits:
    return parted(rows, part, name, kind, lambda rows, chosen, name: read_forms(rows, chosen, kind, name))
