"""Metrics of queries that each rank candidates of their own, of which one is right: how far in front it is put."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.spelled import Spelled
from quickstudy.metrics.measure import Measure, measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["hits_5", "hits_10", "hits_at", "mrr", "rank_ndcg"]


def hits_at(k: int) -> Measure:
    """The share of queries whose right candidate is among the k of the highest scores: recall@k where one is right.

    Of candidates with equal scores each order counts alike, so that a model that says nothing of M candidates has k / M. A right
    candidate that a model does not name at all is nowhere. For targets that are classes (k = 1 is accuracy), one of several
    candidates (`functional.OneOf`), or texts (`functional.Spelled`); queries of no class count for nothing.

    >>> from quickstudy.functional.one_of import OneOf
    >>> said = Predicted.of(torch.tensor([[0.1, 0.9, 0.5], [0.3, 0.3, 0.1]]), OneOf())
    >>> hits_at(1)(said, torch.eye(3)[:2]), hits_at(2)(said, torch.eye(3)[:2])
    (0.25, 0.5)
    """

    def among_first(predicted: Predicted, y: Tensor) -> float:
        above, tied = _places(predicted, y)
        return _mean((k - above).clamp(min=0).minimum(tied) / tied)

    among_first.__name__ = f"hits_{k}"
    return Measure(among_first, bounds=(0.0, 1.0))


hits_5: Measure = hits_at(5)
"""`hits_at` the first five places."""

hits_10: Measure = hits_at(10)
"""`hits_at` the first ten places."""


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def mrr(predicted: Predicted, y: Tensor) -> float:
    """The mean reciprocal rank of the right candidate; equal scores as in `hits_at`.

        ``1/Q Σ_q 1 / rank_q``

    Source: Voorhees, 1999, The TREC-8 question answering track report.

    >>> from quickstudy.functional.one_of import OneOf
    >>> mrr(Predicted.of(torch.tensor([[0.1, 0.9, 0.5]]), OneOf()), torch.eye(3)[2:])
    0.5
    """
    return _mean_of_ranks(predicted, y, lambda rank: 1 / rank)


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def rank_ndcg(predicted: Predicted, y: Tensor) -> float:
    """The mean normalised discounted cumulative gain of each query's own list, in which one candidate is right.

        ``1/Q Σ_q 1 / log₂(1 + rank_q)``

    Source: Järvelin & Kekäläinen, 2002, Cumulated gain-based evaluation of IR techniques.

    >>> from quickstudy.functional.one_of import OneOf
    >>> round(rank_ndcg(Predicted.of(torch.tensor([[0.1, 0.9, 0.5]]), OneOf()), torch.eye(3)[2:]), 3)
    0.631
    """
    return _mean_of_ranks(predicted, y, lambda rank: 1 / (1 + rank).log2())


def _mean_of_ranks(predicted: Predicted, y: Tensor, gain: Callable[[Tensor], Tensor]) -> float:
    above, tied = _places(predicted, y)
    named = above.isfinite()
    most = int((above + tied)[named].max()) if bool(named.any()) else 1
    sums = torch.nn.functional.pad(gain(torch.arange(1, most + 1, dtype=torch.float64)).cumsum(0), (1, 0))
    low = torch.where(named, above, 0).long()
    return _mean(torch.where(named, (sums[(low + tied.long()).clamp(max=most)] - sums[low]) / tied, 0))


def _mean(each: Tensor) -> float:
    return float(each.mean()) if len(each) else math.nan


def _places(predicted: Predicted, y: Tensor) -> tuple[Tensor, Tensor]:
    """Of each query how many candidates are above the right one (Q,), infinitely many where it is none, and how many are level
    with it, itself included (Q,).

    Raises:
        LearnerError: targets choose no candidate.
    """
    outputs = predicted.outputs
    if isinstance(predicted.likelihood, Spelled):
        scores, right = outputs[..., 0], (outputs[..., 1:] == y[:, None]).all(-1)
        others = ~right
    elif predicted.kind in ("probabilities", "scores") and y.ndim == 2:
        one = y.sum(1) > 0
        scores, right = outputs[one], y[one] > 0
        others = ~right if predicted.real is None else ~right & predicted.real[one]
    else:
        raise LearnerError(
            f"this metric needs probabilities or scores of candidates, but the model gives {predicted.kind}. Return one for each."
        )
    best = torch.where(right, scores, -math.inf).amax(1).double()
    scores = scores.double()
    above = torch.where(right.any(1), ((scores > best[:, None]) & others).sum(1).double(), math.inf)
    return above, 1 + ((scores == best[:, None]) & others).sum(1).double()
