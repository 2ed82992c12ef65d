"""Metrics of classes, of one task each; unknown queries, whose target row is zero, count for nothing here."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.metrics.labels import f1_of_labels
from quickstudy.metrics.measure import measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["accuracy", "auprc", "auroc", "delta_auprc", "log_loss", "macro_f1", "mean_iou", "recall_at_1_percent"]

_Array = NDArray[np.float64]


def _known(predicted: Predicted, y: Tensor) -> tuple[Predicted, Tensor]:
    """The queries (Q, N) of which the class is one of the task's."""
    rows = y.flatten(2).sum(1).amin(-1) > 0 if y.ndim > 2 else y.sum(1) > 0
    return predicted[rows], y[rows]


def _counts(predicted: Predicted, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each class (N,): queries of it named rightly, queries named so, queries of it; a query with ties counts in shares.

    Rows (Q, N), or maps (Q, N, …) of which every place is a query.
    """
    named, true = (columns.double().movedim(1, -1).flatten(0, -2) for columns in (predicted.named, y))
    return (named * true).sum(0), named.sum(0), true.sum(0)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def accuracy(predicted: Predicted, y: Tensor) -> float:
    """The share of queries whose most probable class is theirs; one of k equally probable classes counts 1/k.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> accuracy(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    1.0
    """
    known, targets = _known(predicted, y)
    return float((known.named * targets).double().sum(1).mean()) if len(known) else math.nan


@measure(higher_is_better=False, bounds=(0.0, math.inf))
def log_loss(predicted: Predicted, y: Tensor) -> float:
    """The mean negative log-probability of the true class; as in scikit-learn a probability of 0 counts as 2e-16.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> round(log_loss(Predicted.of(torch.zeros(4, 5), Categorical()), torch.eye(5)[:4]), 4)
    1.6094
    """
    known, targets = _known(predicted, y)
    if len(known) == 0:
        return math.nan
    probabilities = known.probabilities.double()
    true = (probabilities / probabilities.sum(1, keepdim=True) * targets).sum(1)
    return float(-true.clamp(min=torch.finfo(torch.float64).eps).log().mean())


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def macro_f1(predicted: Predicted, y: Tensor) -> float:
    """The mean over classes or labels of ``2 · precision · recall / (precision + recall)``, of those that are true or predicted.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> macro_f1(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    1.0
    """
    if predicted.kind == "label probabilities":
        return _mean_of_met(*f1_of_labels(predicted, y))
    known, targets = _known(predicted, y)
    if len(known) == 0:
        return math.nan
    hits, said, true = _counts(known, targets)
    return _mean_of_met(2 * hits, said + true)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def mean_iou(predicted: Predicted, y: Tensor) -> float:
    """The mean over classes of intersection over union, of rows (Q, N) or of the pixels of maps (Q, N, height, width).

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> half = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> mean_iou(Predicted.of(half, Categorical()), torch.eye(2))  # ½ of class 0, nothing of class 1
    0.25
    """
    known, targets = _known(predicted, y)
    if len(known) == 0:
        return math.nan
    hits, said, true = _counts(known, targets)
    return _mean_of_met(hits, said + true - hits)


def _mean_of_met(part: Tensor, whole: Tensor) -> float:
    """The mean share over classes that are true or predicted."""
    met = whole > 0
    return float((part[met] / whole[met]).mean()) if bool(met.any()) else math.nan


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def auroc(predicted: Predicted, y: Tensor) -> float:
    """The area under the receiver operating characteristic; of more than two ways, the mean over classes, each against the rest.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> auroc(Predicted.of(torch.eye(3), Categorical()), torch.eye(3))
    1.0
    """
    from sklearn import metrics

    return _against_the_rest(predicted, y, metrics.roc_auc_score)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def auprc(predicted: Predicted, y: Tensor) -> float:
    """The area under the precision-recall curve (average precision) of class 1; of more than two ways, the mean over classes.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> auprc(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    1.0
    """
    from sklearn import metrics

    return _against_the_rest(predicted, y, metrics.average_precision_score)


@measure(higher_is_better=True, bounds=(-1.0, 1.0))
def delta_auprc(predicted: Predicted, y: Tensor) -> float:
    """`auprc` minus the share of positives among the queries, which is what guessing reaches.

    Source: Stanley et al., 2021, FS-Mol: a few-shot learning dataset of molecules.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> delta_auprc(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    0.5
    """
    from sklearn import metrics

    def above_guessing(true: _Array, said: _Array) -> float:
        return float(metrics.average_precision_score(true, said)) - float(true.mean())

    return _against_the_rest(predicted, y, above_guessing)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def recall_at_1_percent(predicted: Predicted, y: Tensor) -> float:
    """The share of queries of class 1 that are found where at most one percent of the others raise a false alarm.

    A query is found if it scores above the threshold which at most 1 % of the queries of class 0 exceed.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> scores = torch.tensor([0.1, 0.2, 0.9, 0.8])
    >>> recall_at_1_percent(Predicted.of(torch.stack([-scores, scores], 1), Categorical()), torch.eye(2)[[0, 0, 1, 1]])
    1.0
    """
    known, targets = _known(predicted, y)
    if targets.shape[1] != 2:
        raise LearnerError(f"recall at a rate of false alarms is of two classes, not {targets.shape[1]}. Choose macro_f1.")
    said, true = known.probabilities.double(), targets[:, 1] > 0
    odds = said[:, 1].log() - said[:, 0].log()
    normal = odds[~true].sort(descending=True).values
    if not bool(true.any()) or not len(normal):
        return math.nan
    return float((odds[true] > normal[len(normal) // 100]).double().mean())


def _against_the_rest(predicted: Predicted, y: Tensor, area: Callable[[Any, Any], Any]) -> float:
    """The mean area over classes that some queries have and some have not; of two ways, that of class 1.

    Of queries pooled from tasks of different ways, only those of tasks that have a class are set against it.
    """
    known, targets = _known(predicted, y)
    said, true = known.probabilities.double().cpu().numpy(), targets.cpu().numpy()
    columns = [1] if true.shape[1] == 2 else range(true.shape[1])
    have = [slice(None) if known.real is None else known.real[:, c].cpu().numpy() for c in columns]
    pairs = [(true[rows, c], said[rows, c]) for rows, c in zip(have, columns, strict=True)]
    areas = [float(area(truth, scores)) for truth, scores in pairs if 0 < truth.sum() < len(truth)]
    return math.fsum(areas) / len(areas) if areas else math.nan
