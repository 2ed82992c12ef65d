"""Metrics of a list of recommendations: how many of the items that were taken are among those put first."""

import math

from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.metrics.measure import Measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["recall_10", "recall_at"]


def recall_at(k: int) -> Measure:
    """The share of a task's taken items (targets above 0) that are among the k queries of the highest values.

        ``recall@k = taken among the first k / min(k, taken)``

    It is 1 where the first k are all taken, or all taken are among them; without a taken item it is undefined. Of items with
    equal values at the last of the k places each counts by the chance that it is among them.

    >>> import torch
    >>> from quickstudy.likelihood import Gaussian
    >>> said = Predicted.of(torch.tensor([[0.9], [0.5], [0.7], [0.1]]), Gaussian())
    >>> recall_at(2)(said, torch.tensor([[1.0], [1.0], [0.0], [0.0]]))
    0.5
    """

    def among_first(predicted: Predicted, y: Tensor) -> float:
        if y.shape[1] != 1:
            raise LearnerError(f"recall_{k} needs one target for each query, not targets of shape {tuple(y.shape)}.")
        taken = y[:, 0] > 0
        if not bool(taken.any()):
            return math.nan
        values = predicted.values[:, 0]
        least = values.topk(min(k, len(values))).values[-1]
        above, tied = values > least, values == least
        share = (min(k, len(values)) - int(above.sum())) / int(tied.sum())
        found = int((taken & above).sum()) + share * int((taken & tied).sum())
        return found / min(k, int(taken.sum()))

    among_first.__name__ = f"recall_{k}"
    return Measure(among_first, bounds=(0.0, 1.0))


recall_10: Measure = recall_at(10)
"""`recall_at` of the ten queries that are put first."""
