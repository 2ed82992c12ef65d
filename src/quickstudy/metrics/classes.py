"""Metrics of classes, of one task each; unknown queries, whose target row is zero, count for nothing here."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.metrics.measure import measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["accuracy", "auprc", "auroc", "delta_auprc", "log_loss", "macro_f1", "mean_iou"]

_Array = NDArray[np.float64]


def _known(predicted: Predicted, y: Tensor) -> tuple[Predicted, Tensor]:
    """The queries (Q, N) of which the class is one of the task's."""
    rows = y.flatten(2).sum(1).amin(-1) > 0 if y.ndim > 2 else y.sum(1) > 0
    return predicted[rows], y[rows]


def _pixels(y: Tensor) -> _Array:
    """Class numbers of all pixels of (Q, N, …), or of all rows of (Q, N)."""
    numbers: _Array = y.argmax(1).flatten().cpu().numpy()
    return numbers


@measure(higher_is_better=True)
def accuracy(predicted: Predicted, y: Tensor) -> float:
    """The share of queries whose most probable class is theirs.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> accuracy(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    1.0
    """
    known, targets = _known(predicted, y)
    return float((known.classes == targets.argmax(1)).double().mean()) if len(known) else math.nan


@measure(higher_is_better=False)
def log_loss(predicted: Predicted, y: Tensor) -> float:
    """The mean negative log-probability of the true class, by scikit-learn; a probability of 0 counts as 2e-16.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> round(log_loss(Predicted.of(torch.zeros(4, 5), Categorical()), torch.eye(5)[:4]), 4)
    1.6094
    """
    from sklearn import metrics

    known, targets = _known(predicted, y)
    if len(known) == 0:
        return math.nan
    probabilities = known.probabilities.double()
    shares = (probabilities / probabilities.sum(1, keepdim=True)).cpu().numpy()
    return float(metrics.log_loss(targets.argmax(1).cpu().numpy(), shares, labels=np.arange(targets.shape[1])))


@measure(higher_is_better=True)
def macro_f1(predicted: Predicted, y: Tensor) -> float:
    """The mean over classes of ``2 · precision · recall / (precision + recall)``, of those asked for or answered.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> macro_f1(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    1.0
    """
    from sklearn import metrics

    known, targets = _known(predicted, y)
    if len(known) == 0:
        return math.nan
    true, said = targets.argmax(1).cpu().numpy(), known.classes.cpu().numpy()
    return float(metrics.f1_score(true, said, average="macro", zero_division=0))


@measure(higher_is_better=True)
def mean_iou(predicted: Predicted, y: Tensor) -> float:
    """The mean over classes of intersection over union, of rows (Q, N) or of the pixels of maps (Q, N, height, width).

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> half = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> mean_iou(Predicted.of(half, Categorical()), torch.eye(2))  # ½ of class 0, nothing of class 1
    0.25
    """
    from sklearn import metrics

    known, targets = _known(predicted, y)
    if len(known) == 0:
        return math.nan
    return float(metrics.jaccard_score(_pixels(targets), known.classes.flatten().cpu().numpy(), average="macro", zero_division=0))


@measure(higher_is_better=True)
def auroc(predicted: Predicted, y: Tensor) -> float:
    """The area under the receiver operating characteristic; of more than two ways, the mean over classes, each against the rest.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> auroc(Predicted.of(torch.eye(3), Categorical()), torch.eye(3))
    1.0
    """
    from sklearn import metrics

    return _against_the_rest(predicted, y, metrics.roc_auc_score)


@measure(higher_is_better=True)
def auprc(predicted: Predicted, y: Tensor) -> float:
    """The area under the precision-recall curve (average precision) of class 1; of more than two ways, the mean over classes.

    >>> from quickstudy.likelihood import Categorical
    >>> import torch
    >>> auprc(Predicted.of(torch.eye(2), Categorical()), torch.eye(2))
    1.0
    """
    from sklearn import metrics

    return _against_the_rest(predicted, y, metrics.average_precision_score)


@measure(higher_is_better=True)
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


def _against_the_rest(predicted: Predicted, y: Tensor, area: Callable[[Any, Any], Any]) -> float:
    """The mean area over classes that some queries have and some have not; of two ways, that of class 1."""
    known, targets = _known(predicted, y)
    said, true = known.probabilities.double().cpu().numpy(), targets.cpu().numpy()
    columns = [1] if true.shape[1] == 2 else range(true.shape[1])
    areas = [float(area(true[:, c], said[:, c])) for c in columns if 0 < true[:, c].sum() < len(true)]
    return math.fsum(areas) / len(areas) if areas else math.nan
