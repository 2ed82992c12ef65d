"""Calibration of probabilities, and abstention from unknown classes."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.metrics.measure import Measure, measure, pooled
from quickstudy.metrics.predicted import Predicted

__all__ = ["Reliability", "abstention_auroc", "calibration_error", "ece", "reliability"]


class Reliability(NamedTuple):
    """For each bin of confidence, from low to high: how many queries (B,), their mean confidence (B,), their accuracy (B,)."""

    counts: Tensor
    confidence: Tensor
    accuracy: Tensor


def reliability(predicted: Predicted, y: Tensor, bins: int = 15) -> Reliability:
    """Queries sorted into bins of equal width by their confidence, the largest probability; unknown ones are left out.

    >>> from quickstudy.likelihood import Categorical
    >>> found = reliability(Predicted.of(torch.eye(2), Categorical()), torch.eye(2), bins=4)  # 73 % sure, always right
    >>> found.counts.tolist(), found.accuracy[2].item()
    ([0.0, 0.0, 2.0, 0.0], 1.0)
    """
    known = y.sum(1) > 0
    confidence = predicted.probabilities[known].double().amax(1)
    right = (predicted.named[known] * y[known]).double().sum(1)
    place = (confidence * bins).long().clamp(0, bins - 1)
    counts, sure, hits = (
        torch.bincount(place, weights, minlength=bins) for weights in (torch.ones_like(right), confidence, right)
    )
    return Reliability(counts, sure / counts.clamp(min=1), hits / counts.clamp(min=1))


@measure(higher_is_better=False, bounds=(0.0, 1.0))
def calibration_error(predicted: Predicted, y: Tensor) -> float:
    """The expected calibration error of 15 bins, ``Σ_b (n_b / n) |accuracy_b − confidence_b|``.

    Of a few dozen queries it is large by chance alone, however well a model is calibrated: `ece` pools the tasks.

    Source: Guo, Pleiss, Sun & Weinberger, 2017, On calibration of modern neural networks.

    >>> from quickstudy.likelihood import Categorical
    >>> round(calibration_error(Predicted.of(10 * torch.eye(2), Categorical()), torch.eye(2)), 4)
    0.0
    """
    counts, confidence, right = reliability(predicted, y)
    return float((counts * (confidence - right).abs()).sum() / counts.sum()) if counts.sum() > 0 else math.nan


ece: Measure = pooled(calibration_error)
"""`calibration_error` of the queries of all tasks together."""
ece.__name__ = "ece"


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def abstention_auroc(predicted: Predicted, y: Tensor) -> float:
    """How well the largest probability separates queries of known classes from those of unknown ones (a target row of zeros).

    The probability that a random known query is answered more surely than a random unknown one: ½ by guessing, 1 where
    abstaining below some confidence would leave out all unknown queries and no other. NaN without unknown queries.

    Source: Hendrycks & Gimpel, 2017, A baseline for detecting misclassified and out-of-distribution examples.

    >>> from quickstudy.likelihood import Categorical
    >>> sure_and_unsure = Predicted.of(torch.tensor([[4.0, 0.0], [0.1, 0.0]]), Categorical())
    >>> abstention_auroc(sure_and_unsure, torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    1.0
    """
    from sklearn import metrics

    known = (y.sum(1) > 0).cpu().numpy()
    if known.all() or not known.any():
        return math.nan
    return float(metrics.roc_auc_score(known, predicted.probabilities.double().amax(1).cpu().numpy()))
