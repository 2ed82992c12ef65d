"""Metrics of targets that are texts: how far the answers are from them, letter by letter."""

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.spelled import Spelled
from quickstudy.functional.spelling import texts_of
from quickstudy.metrics.measure import measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["chrf", "edit_distance"]

_ORDERS, _BETA = 6, 2.0


@measure(higher_is_better=False, bounds=(0.0, math.inf))
def edit_distance(predicted: Predicted, y: Tensor) -> float:
    """The mean number of letters that must be inserted, deleted or replaced to make the target of the answer.

    Source: Levenshtein, 1966, Binary codes capable of correcting deletions, insertions and reversals.

    >>> import torch
    >>> from quickstudy.functional.spelled import candidates
    >>> from quickstudy.functional.spelling import codes_of
    >>> said = Predicted.of(candidates(torch.zeros(1, 1), codes_of(["goed"], 5)[None]), Spelled())
    >>> edit_distance(said, codes_of(["went"], 5).float())  # g, o and d replaced, e kept, n inserted and so on
    4.0
    """
    pairs = list(zip(*_texts(predicted, y), strict=True))
    return sum(_distance(one, other) for one, other in pairs) / len(pairs) if pairs else math.nan


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def chrf(predicted: Predicted, y: Tensor) -> float:
    """The character F-score of all answers of a task together: chrF2 with n-grams of 1 to 6 letters, without spaces.

        ``F = (1 + β²) P R / (β² P + R)``,    β = 2

    P and R are the mean precision and recall over those n that occur in answers and targets, an answer's n-grams being counted
    where its target has some; sacrebleu's chrF, from 0 to 1.

    Source: Popović, 2015, chrF: character n-gram F-score for automatic MT evaluation.

    >>> import torch
    >>> from quickstudy.functional.spelled import candidates
    >>> from quickstudy.functional.spelling import codes_of
    >>> said = Predicted.of(candidates(torch.zeros(1, 1), codes_of(["abc"], 5)[None]), Spelled())
    >>> chrf(said, codes_of(["abc"], 5).float()), chrf(said, codes_of(["xyz"], 5).float())
    (1.0, 0.0)
    """
    counts = np.zeros((_ORDERS, 3))  # in answers, in targets, in both
    for said, true in zip(*_texts(predicted, y), strict=True):
        for n in range(1, _ORDERS + 1):
            one, other = _grams(said, n), _grams(true, n)
            counts[n - 1] += one.total() if other else 0, other.total(), (one & other).total()
    counts = counts[(counts[:, 0] > 0) & (counts[:, 1] > 0)]
    if not len(counts):
        return 0.0 if len(y) else math.nan
    precision, recall = (counts[:, 2] / counts[:, 0]).mean(), (counts[:, 2] / counts[:, 1]).mean()
    below = _BETA**2 * precision + recall
    return float((1 + _BETA**2) * precision * recall / below) if below > 0 else 0.0


def _texts(predicted: Predicted, y: Tensor) -> tuple[list[str], list[str]]:
    """The answers and the targets.

    Raises:
        LearnerError: they are no texts.
    """
    if not isinstance(predicted.likelihood, Spelled):
        raise LearnerError(f"this metric is of texts, but the model gives {predicted.kind}.")
    return texts_of(predicted.values), texts_of(y)


def _grams(text: str, n: int) -> Counter[str]:
    plain = "".join(text.split())
    return Counter(plain[start : start + n] for start in range(len(plain) - n + 1))


def _distance(one: str, other: str) -> int:
    """Row by row of the table of Wagner & Fischer; insertions within a row by a running minimum."""
    letters = np.array([ord(sign) for sign in other], dtype=np.int64)
    places = np.arange(len(other) + 1)
    row: NDArray[np.int64] = places.copy()
    for number, sign in enumerate(one, 1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(sign)))
        below = np.concatenate([[number], changed])
        row = np.minimum.accumulate(below - places) + places
    return int(row[-1])
