"""Marked sentences of one's own as a support set of words."""

from pathlib import Path
from typing import Any

import torch

from quickstudy.datasets.tagged_file import read_tagged
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs.sentences import Sentences
from quickstudy.learner import Learner
from quickstudy.task import Examples

__all__ = ["OUTSIDE", "marked_support"]

OUTSIDE = "outside"
"""The first class of every predictor of words: words of no type."""


def marked_support(
    path: str | Path, learner: Learner[Any], *, encoding: str = "utf-8"
) -> tuple[Examples, tuple[str, ...], list[str]]:
    """The words of a file of marked sentences as a support set, the names of its classes, and the place of each word.

    Args:
        path: JSON lines with tokens and spans, or a word a line with its tag, see `datasets.tagged_file`.
        learner: which reads sentences.
        encoding: of the file.

    Raises:
        DataError: what is wrong with the file; a sentence that is too long.
        LearnerError: the learner reads no sentences.
    """
    if not isinstance(learner.reads, Sentences):
        raise LearnerError(f"this {type(learner).__name__} reads no sentences.")
    sentences = read_tagged(path, encoding=encoding)
    types = sorted({name for sentence in sentences for _, _, name in sentence.spans})
    if OUTSIDE in types:
        raise DataError(f'{path}: a type is called "{OUTSIDE}", which is the name of no type. Rename it.')
    x = learner.reads.batch([sentence.words for sentence in sentences])
    labels = torch.zeros(len(x["unit"]), dtype=torch.long)
    places: list[str] = []
    for number, sentence in enumerate(sentences, 1):
        for first, last, name in sentence.spans:
            labels[len(places) + first : len(places) + last] = types.index(name) + 1
        places += [f"{path} sentence {number} word {word + 1}" for word in range(len(sentence.words))]
    return Examples.of(x, labels, len(types) + 1), (OUTSIDE, *types), places
