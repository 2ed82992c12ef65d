"""Metrics of queries that may have several labels each, of one task; a label that no support row has counts for nothing."""

import math

import torch
from torch import Tensor

from quickstudy.metrics.measure import measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["exact_match", "f1_of_labels", "mean_average_precision", "micro_f1"]


def f1_of_labels(predicted: Predicted, y: Tensor) -> tuple[Tensor, Tensor]:
    """For each label (N,): twice the hits, and how often it is true or named, in double precision."""
    real = _real(predicted, y).double()
    named, true = _named(predicted) * real, y.double() * real
    return 2 * (named * true).sum(0), (named + true).sum(0)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def micro_f1(predicted: Predicted, y: Tensor) -> float:
    """``2 TP / (2 TP + FP + FN)`` over all queries and labels; 1 where no label is true and none is named.

    >>> from quickstudy.likelihood import Labels
    >>> micro_f1(Predicted.of(torch.tensor([[2.0, -1.0, 3.0]]), Labels()), torch.tensor([[1.0, 1.0, 1.0]]))
    0.8
    """
    hits, both = (found.sum() for found in f1_of_labels(predicted, y))
    return float(hits / both) if both > 0 else 1.0


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def exact_match(predicted: Predicted, y: Tensor) -> float:
    """The share of queries of which all labels are named, and no other.

    >>> from quickstudy.likelihood import Labels
    >>> exact_match(Predicted.of(torch.tensor([[2.0, -1.0], [1.0, 1.0]]), Labels()), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    0.5
    """
    right = (_named(predicted).bool() == (y > 0.5)) | ~_real(predicted, y)
    return float(right.all(1).double().mean()) if len(y) else math.nan


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def mean_average_precision(predicted: Predicted, y: Tensor) -> float:
    """The mean over labels of the average precision (the area under the precision-recall curve) of the queries ranked by it.

    Of the labels that some query has; NaN without any.

    >>> from quickstudy.likelihood import Labels
    >>> mean_average_precision(Predicted.of(torch.tensor([[2.0], [1.0], [0.0]]), Labels()), torch.tensor([[0.0], [1.0], [1.0]]))
    0.5833333333333333
    """
    from sklearn import metrics

    said, real = predicted.label_probabilities.double(), _real(predicted, y)
    pairs = [(y[rows, c].cpu().numpy(), said[rows, c].cpu().numpy()) for c, rows in enumerate(real.unbind(1))]
    areas = [float(metrics.average_precision_score(true, scores)) for true, scores in pairs if true.sum() > 0]
    return math.fsum(areas) / len(areas) if areas else math.nan


def _named(predicted: Predicted) -> Tensor:
    """Which labels are named, 1 or 0, (Q, N): those more probable than not."""
    return (predicted.label_probabilities > 0.5).double()


def _real(predicted: Predicted, y: Tensor) -> Tensor:
    """Which labels the task of each query has, (Q, N)."""
    return torch.ones_like(y, dtype=torch.bool) if predicted.real is None else predicted.real
