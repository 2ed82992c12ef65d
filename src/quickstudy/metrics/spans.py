"""The F1 of spans in sentences: named entities, slots, chunks.

Source: Tjong Kim Sang & De Meulder, 2003, Introduction to the CoNLL-2003 shared task (the measure); Nakayama, 2018, seqeval.
"""

from typing import NamedTuple

from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.spans import Scheme, decoded, spans
from quickstudy.metrics.measure import measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["SpanCounts", "span_counts", "span_f1", "span_f1_bio", "span_precision", "span_recall"]


class SpanCounts(NamedTuple):
    """Spans that were found with the right type and both ends right, all that were found, and all that there are."""

    right: int
    found: int
    there: int


def span_counts(predicted: Predicted, y: Tensor, scheme: Scheme = "io") -> SpanCounts:
    """Of the words of all sentences of a task.

    Args:
        predicted: for words, with the sentence of each in ``unit``.
        y: their tags as one-hot rows (Q, N); column 0 is outside.
        scheme: of the tags, see `quickstudy.functional.spans`.

    Raises:
        LearnerError: nothing says which words are one sentence.
    """
    if predicted.unit is None:
        raise LearnerError(
            "spans are of sentences, but nothing says which rows belong together. Give inputs a leaf of whole numbers: "
            '{"states": …, "unit": sentence of each word}.'
        )
    predicted.classes  # noqa: B018  refuses values
    found = spans(decoded(predicted.outputs, predicted.unit, scheme), predicted.unit, scheme)
    there = spans(y.argmax(1), predicted.unit, scheme)
    return SpanCounts(len(found & there), len(found), len(there))


def _f1(counts: SpanCounts) -> float:
    return 2 * counts.right / max(counts.found + counts.there, 1)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def span_f1(predicted: Predicted, y: Tensor) -> float:
    """``2 R / (F + T)``: R spans right (type and both ends), of F found and T there; words' tags are outside or a type.

    It is seqeval's micro F1. Two spans of one type side by side count as one, in targets and predictions. 0 where there is none.

    >>> import torch
    >>> from quickstudy.likelihood import Categorical
    >>> y = torch.eye(3)[torch.tensor([1, 1, 0, 2])]
    >>> said = Predicted.of(torch.eye(3)[torch.tensor([1, 1, 2, 2])], Categorical(), torch.zeros(4))
    >>> span_f1(said, y)  # one of two is right, the other has a wrong start
    0.5
    """
    return _f1(span_counts(predicted, y))


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def span_f1_bio(predicted: Predicted, y: Tensor) -> float:
    """The same for tags outside, begin and inside, decoded by a Viterbi that allows no inside without its beginning."""
    return _f1(span_counts(predicted, y, "bio"))


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def span_precision(predicted: Predicted, y: Tensor) -> float:
    """``R / F``, the share of the spans found that are right; 0 where none was found."""
    counts = span_counts(predicted, y)
    return counts.right / max(counts.found, 1)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def span_recall(predicted: Predicted, y: Tensor) -> float:
    """``R / T``, the share of the spans there are that were found; 0 where there is none."""
    counts = span_counts(predicted, y)
    return counts.right / max(counts.there, 1)
