"""Inflected words of one's own as a support set."""

from pathlib import Path
from typing import Any

import torch

from quickstudy.datasets.word_forms import form_rows, read_forms
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.word_forms import WordForms
from quickstudy.learner import Learner
from quickstudy.task import Examples

__all__ = ["form_support"]


def form_support(path: str | Path, learner: Learner[Any], *, encoding: str = "utf-8") -> tuple[Examples, tuple[str, ...]]:
    """The rows of a table with the columns lemma, tags and form as a support set, and the place of each.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        learner: which reads words with features.
        encoding: of a text file.

    Raises:
        DataError: what is wrong with the file or a row.
        LearnerError: the learner reads something else.
    """
    if not isinstance(learner.reads, WordForms):
        raise LearnerError(f"this {type(learner).__name__} reads no words with features.")
    rows = form_rows(path, encoding=encoding)
    count = len(rows["form"])
    if not count:
        raise DataError(f"{path} has no rows. Give words with their forms.")
    x, y = read_forms(rows, range(count), learner.reads, str(path))
    return Examples(x, y, torch.ones(count)), tuple(f"{path} row {row}" for row in range(count))
