"""Pairs of a sentence and its translation of one's own as a support set."""

from pathlib import Path
from typing import Any

import torch

from quickstudy.datasets.sentence_pairs import pair_rows, read_pairs
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.sentence_choices import SentenceChoices
from quickstudy.learner import Learner
from quickstudy.task import Examples
from quickstudy.use.form_support import form_support

__all__ = ["pair_support", "text_support"]


def pair_support(path: str | Path, learner: Learner[Any], *, encoding: str = "utf-8") -> tuple[Examples, tuple[str, ...]]:
    """The rows of a table with the columns source and translation as a support set, and the place of each.

    The candidates of a pair are its own translation and those of the pairs below it, the first ones again behind the last, so
    that pairs that are left out one by one can be looked for among the others.

    Args:
        path: CSV, TSV, JSON lines or Parquet.
        learner: which reads sentences with candidates.
        encoding: of a text file.

    Raises:
        DataError: what is wrong with the file or a row.
        LearnerError: the learner reads something else.
    """
    if not isinstance(learner.reads, SentenceChoices):
        raise LearnerError(f"this {type(learner).__name__} reads no sentences with candidates.")
    rows = pair_rows(path, encoding=encoding)
    count = len(rows["source"])
    if not count:
        raise DataError(f"{path} has no rows. Give sentences with their translations.")
    source, translation = read_pairs(rows, range(count), learner.reads, str(path))
    most = min(count, learner.reads.choices)
    below = (torch.arange(count)[:, None] + torch.arange(most)) % count
    listed = torch.nn.functional.pad(translation[below], (0, 0, 0, learner.reads.choices - most))
    y = translation.to(torch.get_default_dtype())
    places = tuple(f"{path} row {row}" for row in range(count))
    return Examples({"source": source, "candidates": listed}, y, torch.ones(count)), places


def text_support(path: str | Path, learner: Learner[Any], *, encoding: str = "utf-8") -> tuple[Examples, tuple[str, ...]]:
    """A table as a support set of a learner whose targets are texts: translations as of `pair_support`, else inflected forms."""
    read = pair_support if isinstance(learner.reads, SentenceChoices) else form_support
    return read(path, learner, encoding=encoding)
