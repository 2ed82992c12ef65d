"""Metrics of values: errors, calibration of the stated spread, and the ranking of the queries."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from quickstudy.errors import LearnerError
from quickstudy.metrics.measure import Measure, measure
from quickstudy.metrics.predicted import Predicted

__all__ = [
    "coverage_90",
    "coverage_95",
    "gaussian_nll",
    "mase",
    "mean_absolute_error",
    "mse",
    "ndcg",
    "ndcg_10",
    "ndcg_at",
    "width_90",
]


@measure(higher_is_better=False, bounds=(0.0, math.inf))
def mse(predicted: Predicted, y: Tensor) -> float:
    """The mean squared error, over queries and columns.

    >>> from quickstudy.likelihood import Gaussian
    >>> mse(Predicted.of(torch.zeros(2, 1), Gaussian()), torch.ones(2, 1))
    1.0
    """
    return float((predicted.values - y).double().pow(2).mean())


@measure(higher_is_better=False, bounds=(0.0, math.inf))
def mean_absolute_error(predicted: Predicted, y: Tensor) -> float:
    """The mean absolute error, over queries and columns.

    >>> from quickstudy.likelihood import Gaussian
    >>> mean_absolute_error(Predicted.of(torch.zeros(2, 1), Gaussian()), 2 * torch.ones(2, 1))
    2.0
    """
    return float((predicted.values - y).double().abs().mean())


@measure(higher_is_better=False, bounds=(0.0, math.inf))
def mase(predicted: Predicted, y: Tensor) -> float:
    """The mean absolute scaled error: the mean absolute error of series in units of their own seasonal naive error.

    The unit is that of the tasks, see `tasks.SeasonalUnits`; on other tasks this is the plain mean absolute error.

    Source: Hyndman & Koehler, 2006, Another look at measures of forecast accuracy.

    >>> from quickstudy.likelihood import Gaussian
    >>> mase(Predicted.of(torch.zeros(2, 1), Gaussian()), torch.tensor([[0.5], [1.0]]))
    0.75
    """
    return mean_absolute_error(predicted, y)


@measure(higher_is_better=False)
def gaussian_nll(predicted: Predicted, y: Tensor) -> float:
    """The mean negative log-density of a query's target under the model's predictive distribution, in nats.

    >>> from quickstudy.likelihood import Gaussian
    >>> round(gaussian_nll(Predicted.of(torch.zeros(2, 1), Gaussian(variance=1.0)), torch.zeros(2, 1)), 4)  # ½ log 2π
    0.9189
    """
    return float(-predicted.distribution.log_prob(y).double().mean())


@measure(higher_is_better=None, bounds=(0.0, 1.0))
def coverage_90(predicted: Predicted, y: Tensor) -> float:
    """The share of targets inside the central 90 % interval of their predictive distribution: 0.9 is calibrated.

    >>> from quickstudy.likelihood import Gaussian
    >>> coverage_90(Predicted.of(torch.zeros(2, 1), Gaussian(variance=1.0)), torch.tensor([[1.6], [1.7]]))
    0.5
    """
    low, high = _central(predicted.distribution)
    return float(((low <= y) & (y <= high)).double().mean())


@measure(higher_is_better=None, bounds=(0.0, 1.0))
def coverage_95(predicted: Predicted, y: Tensor) -> float:
    """The share of targets inside the central 95 % interval of their predictive distribution: 0.95 is calibrated.

    >>> from quickstudy.likelihood import Gaussian
    >>> coverage_95(Predicted.of(torch.zeros(2, 1), Gaussian(variance=1.0)), torch.tensor([[1.9], [2.0]]))
    0.5
    """
    low, high = _central(predicted.distribution, 0.95)
    return float(((low <= y) & (y <= high)).double().mean())


@measure(higher_is_better=False, bounds=(0.0, math.inf))
def width_90(predicted: Predicted, y: Tensor) -> float:
    """The mean width of the central 90 % interval: of two models with equal coverage, the narrower one is better.

    >>> from quickstudy.likelihood import Gaussian
    >>> round(width_90(Predicted.of(torch.zeros(2, 1), Gaussian(variance=1.0)), torch.zeros(2, 1)), 2)
    3.29
    """
    del y
    low, high = _central(predicted.distribution)
    return float((high - low).double().mean())


@measure(higher_is_better=True, bounds=(0.0, 1.0))
def ndcg(predicted: Predicted, y: Tensor) -> float:
    """The normalised discounted cumulative gain of all queries, put in the order of their values; targets (Q, 1) are gains.

        ``DCG = Σ_r gain(r) / log₂(1 + r)``, divided by that of the best order

    Source: Järvelin & Kekäläinen, 2002, Cumulated gain-based evaluation of IR techniques.

    >>> from quickstudy.likelihood import Gaussian
    >>> said = Predicted.of(torch.tensor([[0.1], [0.3], [0.2]]), Gaussian())
    >>> ndcg(said, torch.tensor([[0.0], [3.0], [1.0]]))
    1.0
    """
    return _ndcg(predicted, y, None)


def ndcg_at(k: int) -> Measure:
    """`ndcg` of the k queries that are put first.

    >>> ndcg_at(5)
    ndcg_5
    """

    def first(predicted: Predicted, y: Tensor) -> float:
        return _ndcg(predicted, y, k)

    first.__name__ = f"ndcg_{k}"
    return Measure(first, bounds=(0.0, 1.0))


ndcg_10: Measure = ndcg_at(10)
"""`ndcg` of the ten queries that are put first."""


def _ndcg(predicted: Predicted, y: Tensor, k: int | None) -> float:
    from sklearn import metrics

    if y.shape[1] != 1 or bool((y < 0).any()):
        raise LearnerError(
            f"ndcg needs one gain of 0 or more for each query, not targets of shape {tuple(y.shape)} from {float(y.min()):.3g}."
        )
    if len(y) < 2 or not bool(y.any()):
        return math.nan
    gains, said = y.double().mT.cpu().numpy(), predicted.values.double().mT.cpu().numpy()
    return float(metrics.ndcg_score(gains, said, k=k))


def _central(distribution: Distribution, share: float = 0.9) -> tuple[Tensor, Tensor]:
    """The bounds (Q, P) between which ``share`` of the probability lies, as much below as above."""
    single = distribution.base_dist if isinstance(distribution, Independent) else distribution
    try:
        low, high = (single.icdf(torch.tensor(p, device=single.mean.device)) for p in (0.5 - share / 2, 0.5 + share / 2))
    except NotImplementedError as error:
        raise LearnerError(
            f"{type(single).__name__} of torch has no quantiles, so there is no interval to cover anything."
        ) from error
    return low, high
