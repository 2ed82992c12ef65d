"""A temperature for logits, fitted on answers whose truth is known: probabilities become as sure as they are right."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.distributions import Distribution, OneHotCategorical

from quickstudy.borders.arguments import number
from quickstudy.errors import DataError, LearnerError
from quickstudy.likelihood import Categorical
from quickstudy.metrics.calibration import calibration_error
from quickstudy.metrics.measure import Measure
from quickstudy.metrics.predicted import Predicted

__all__ = ["Temperature", "Tempered", "temperature_of", "untempered"]

_LEAST, _MOST = 0.01, 100.0
"""Beyond these a temperature says that the logits mean nothing; the logit of an absent class stays far below the others."""


@dataclass(frozen=True)
class Temperature:
    """By what logits are divided before they become probabilities, ``softmax(logits / T)``; the best class stays the best.

    Args:
        value: T; above 1 probabilities become less sure.
        source: what it was fitted on, in words.
        queries: how many.
        calibration_error: of these before and after, of 15 bins.
        log_loss: of these before and after.

    Raises:
        DataError: numbers that these cannot be.

    Source: Guo, Pleiss, Sun & Weinberger, 2017, On calibration of modern neural networks.
    """

    value: float
    source: str = "a given number"
    queries: int = 0
    calibration_error: tuple[float, float] | None = None
    log_loss: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        number(DataError, _LEAST, _MOST, temperature=self.value)

    def __str__(self) -> str:
        if self.calibration_error is None or self.log_loss is None:
            return f"{self.value:.4g} ({self.source})"
        (before, after), (was, now) = self.calibration_error, self.log_loss
        gains = f"calibration error {before:.2%} before, {after:.2%} after; log-loss {was:.4f} before, {now:.4f} after"
        return f"{self.value:.4g} (fitted on {self.source}, {self.queries:,} queries: {gains})"

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Temperature":
        """Of what a file holds.

        Raises:
            DataError, TypeError: it is none.
        """
        pairs = {name: None if found[name] is None else _pair(found[name]) for name in ("calibration_error", "log_loss")}
        known = cls(**(dict(found) | pairs))
        if not isinstance(known.source, str) or type(known.queries) is not int:
            raise DataError("a temperature has a source in words and a whole number of queries.")
        return known


def _pair(found: Any) -> tuple[float, float]:
    before, after = found
    return float(before), float(after)


@dataclass(frozen=True)
class Tempered(Categorical):
    """Classes whose probabilities are those of logits divided by a temperature; the score is that of `Categorical`.

    >>> import torch
    >>> Tempered(2.0).mean(torch.tensor([[2.0, 0.0]])), Categorical().mean(torch.tensor([[1.0, 0.0]]))
    (tensor([[0.7311, 0.2689]]), tensor([[0.7311, 0.2689]]))
    """

    temperature: float = 1.0

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        return super().each(outputs / self.temperature, y)

    def mean(self, outputs: Tensor) -> Tensor:
        return super().mean(outputs / self.temperature)

    def distribution(self, outputs: Tensor) -> Distribution:
        return OneHotCategorical(logits=outputs / self.temperature)


def temperature_of(predicted: Predicted, y: Tensor, source: str) -> Temperature:
    """The temperature of least log-loss on queries whose classes are known.

        ``T = argmin_T −Σ_q log softmax(f_q / T)[y_q]``,   convex in 1/T, so that there is one

    Args:
        predicted: logits for the queries, in `Categorical`.
        y: their targets, one-hot (Q, N); rows of zeros count for nothing.
        source: of both, in words.

    Raises:
        LearnerError: other outputs; or every answer is right, or none counts, so that there is nothing to fit.

    >>> import torch
    >>> logits = torch.tensor([[3.0, 0.0], [3.0, 0.0], [3.0, 0.0], [3.0, 0.0]])  # 95 % sure, right in three of four
    >>> found = temperature_of(Predicted.of(logits, Categorical()), torch.eye(2)[[0, 0, 0, 1]], "an example")
    >>> round(found.value, 3)  # 3 / log(0.75 / 0.25)
    2.731
    """
    from scipy.optimize import minimize_scalar

    if predicted.kind != "probabilities" or type(predicted.likelihood) is not Categorical:
        raise LearnerError(f"a temperature divides logits of classes, but the outputs are {predicted.kind}.")
    counted = y.sum(1) > 0
    logits, truth = predicted.outputs[counted].double(), y[counted].double()
    right = (logits.argmax(1) == truth.argmax(1)).double()
    if bool(right.all()):
        raise LearnerError(
            f"all {len(right):,} answers on {source} are right, so that no temperature can be fitted. Take more tasks."
        )

    def loss(inverse: float) -> float:
        return float(-((logits * inverse).log_softmax(1) * truth).sum(1).mean())

    best = minimize_scalar(loss, bounds=(1 / _MOST, 1 / _LEAST), method="bounded", options={"xatol": 1e-6})
    value = 1 / float(best.x) if loss(float(best.x)) <= loss(1.0) else 1.0
    errors = [calibration_error(replace(predicted, likelihood=like), y) for like in (Categorical(), Tempered(value))]
    losses = loss(1.0), loss(1 / value)
    return Temperature(value, source, len(right), (errors[0], errors[1]), losses)


def untempered(metric: Measure) -> Measure:
    """A metric of the probabilities before the temperature, under the name ``NAME_without_temperature``."""

    def before(predicted: Predicted, y: Tensor) -> float:
        tempered = isinstance(predicted.likelihood, Tempered)
        return metric(replace(predicted, likelihood=Categorical()) if tempered else predicted, y)

    before.__name__ = f"{metric.__name__}_without_temperature"
    return Measure(before, higher_is_better=metric.higher_is_better, pooled=metric.pooled, bounds=metric.bounds)
