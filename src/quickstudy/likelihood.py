"""The meaning of a network's outputs: loss, mean, distribution, and the score that an evaluation reports."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli as Coin
from torch.distributions import Distribution, Independent, Normal, OneHotCategorical

from quickstudy.borders.targets import Kind
from quickstudy.errors import ShapeError

__all__ = ["ABSENT", "Bernoulli", "Categorical", "Gaussian", "Labels", "Likelihood", "LogLoss", "MeanAndDeviation"]

ABSENT = -1e4
"""The logit of a class without any support row: finite, so that gradients stay finite."""


class Likelihood(ABC):
    """How outputs (Q, P) explain targets (Q, P). Frozen records: they compare equal and survive a copy.

    ``targets`` says what kind of targets it explains: "classes", "values" or "labels".
    """

    targets: ClassVar[Kind]
    metric: ClassVar[str]
    higher_is_better: ClassVar[bool]

    @abstractmethod
    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Negative log-likelihood of each row, shape (Q,)."""

    @abstractmethod
    def mean(self, outputs: Tensor) -> Tensor:
        """The expected target: probabilities of the classes, or values."""

    @abstractmethod
    def distribution(self, outputs: Tensor) -> Distribution:
        """The predictive distribution of each row."""

    @abstractmethod
    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The score of each row (accuracy, squared error), shape (Q,); NaN where an output is NaN."""

    def present(self, y: Tensor, mask: Tensor) -> Tensor:
        """Which of the target columns the support set has, shape (N,); where targets are no classes, all."""
        del mask
        return y.new_ones(y.shape[1])

    def restrict(self, outputs: Tensor, present: Tensor) -> Tensor:
        """Outputs (Q, ≥N) cut to the task's N columns, absent classes at a finite -1e4; as they are where there are none."""
        del present
        return outputs

    def nll(self, outputs: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Mean negative log-likelihood over the real rows, a scalar."""
        return _mean(self.each(outputs, y), mask)

    def score(self, outputs: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Mean of `rate` over the real rows, a scalar; NaN where outputs of real rows are NaN."""
        return _mean(torch.where(self.counted(y, mask) > 0, self.rate(outputs, y), 0), self.counted(y, mask))

    def counted(self, y: Tensor, mask: Tensor) -> Tensor:
        """Which rows of targets (…, Q, P) count in a score, 1 or 0, (…, Q): the real ones."""
        return mask

    def misfit(self, y: Tensor, mask: Tensor) -> Kind | None:
        """What the real rows of a support set's targets (S, P) are, where this likelihood cannot explain them; else None."""
        del y, mask
        return None


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)


def _restricted(outputs: Tensor, present: Tensor, what: str) -> Tensor:
    columns = present.shape[0]
    if outputs.shape[-1] < columns:
        raise ShapeError(
            f"the network has {outputs.shape[-1]} outputs, but the task has {columns} {what}. "
            f"Build the network with at least {columns} outputs or sample tasks of fewer {what}."
        )
    return torch.where(present > 0, outputs[..., :columns], ABSENT)


def _of_a_class(y: Tensor) -> Tensor:
    return (y.sum(-1) > 0).to(y.dtype)


@dataclass(frozen=True)
class Categorical(Likelihood):
    """Classes: outputs are logits, the loss is the mean cross-entropy, the score is accuracy.

    A query for which k classes are equally probable, its own among them, scores 1/k: what it would score on average if one
    of them were drawn. So uniform probabilities score as guessing does, in whatever column the class is.
    Queries of a class that the task does not have, whose target row is zero, count for nothing.

    >>> Categorical().score(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.ones(1))
    tensor(1.)
    """

    targets: ClassVar[Kind] = "classes"
    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -(outputs.log_softmax(-1) * y).sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.softmax(-1)

    def distribution(self, outputs: Tensor) -> Distribution:
        return OneHotCategorical(logits=outputs)

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        top = outputs.amax(-1, keepdim=True)  # NaN where any output is
        best = (outputs == top).to(outputs.dtype)
        hit = best.gather(-1, y.argmax(-1, keepdim=True))
        return torch.where(top.isfinite(), hit / best.sum(-1, keepdim=True), torch.nan).squeeze(-1)

    def nll(self, outputs: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        return super().nll(outputs, y, mask * _of_a_class(y))

    def counted(self, y: Tensor, mask: Tensor) -> Tensor:
        return mask * _of_a_class(y)

    def misfit(self, y: Tensor, mask: Tensor) -> Kind | None:
        sound = ((y >= 0).all(-1) & ((y.sum(-1) - 1).abs() < 1e-3)) | (mask == 0)
        if bool(sound.all()):
            return None
        return "labels" if bool(((y == 0) | (y == 1)).all()) and y.shape[-1] > 1 else "values"

    def present(self, y: Tensor, mask: Tensor) -> Tensor:
        return ((y * mask[:, None]).sum(0) > 0).to(y.dtype)

    def restrict(self, outputs: Tensor, present: Tensor) -> Tensor:
        return _restricted(outputs, present, "ways")


@dataclass(frozen=True)
class LogLoss(Categorical):
    """Classes evaluated by the loss itself, the mean cross-entropy: for problems of optimization.

    >>> LogLoss().score(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), torch.ones(1))
    tensor(0.6931)
    """

    metric: ClassVar[str] = "nll"
    higher_is_better: ClassVar[bool] = False

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        return self.each(outputs, y)


@dataclass(frozen=True)
class Gaussian(Likelihood):
    """Values with normal noise of a fixed variance: outputs are means, the score is the mean squared error.

    ``nll = (y - f)² / (2 v) + ½ log 2πv``, summed over the outputs. With the default ``v = ½`` its gradient is that of
    the squared error itself, so that published step sizes for the mean squared error hold as they are.

    >>> Gaussian().score(torch.zeros(2, 1), torch.ones(2, 1), torch.ones(2))
    tensor(1.)
    """

    variance: float = 0.5
    targets: ClassVar[Kind] = "values"
    metric: ClassVar[str] = "mse"
    higher_is_better: ClassVar[bool] = False

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[-1] != y.shape[-1]:
            raise ShapeError(f"the network has {outputs.shape[-1]} outputs, but the targets have {y.shape[-1]} columns.")
        constant = y.shape[-1] * 0.5 * math.log(2 * math.pi * self.variance)
        return ((outputs - y) ** 2).sum(-1) / (2 * self.variance) + constant

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs

    def distribution(self, outputs: Tensor) -> Distribution:
        return Independent(Normal(outputs, math.sqrt(self.variance)), 1)

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        return ((y - outputs) ** 2).mean(-1)


@dataclass(frozen=True)
class MeanAndDeviation(Gaussian):
    """Values with normal noise of a stated deviation: outputs (Q, 2 P) are the means, then the standard deviations.

    >>> round(float(MeanAndDeviation().nll(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 1), torch.ones(1))), 4)  # ½ log 2π
    0.9189
    """

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -self.distribution(outputs).log_prob(y)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs[..., : outputs.shape[-1] // 2]

    def distribution(self, outputs: Tensor) -> Distribution:
        mean, deviation = outputs.chunk(2, -1)
        return Independent(Normal(mean, deviation), 1)

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        return super().rate(self.mean(outputs), y)


@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Bits: outputs are logits, the loss of a row is the sum over its bits, the score is all of a task's queries in bits.

        ``bits = −log₂ p(targets)``: 0 where all are known, 8 for a row of eight coins

    >>> Bernoulli().score(torch.zeros(2, 8), torch.ones(2, 8), torch.ones(2))
    tensor(16.)
    """

    targets: ClassVar[Kind] = "labels"
    metric: ClassVar[str] = "bits"
    higher_is_better: ClassVar[bool] = False

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[-1] != y.shape[-1]:
            raise ShapeError(f"the network has {outputs.shape[-1]} outputs, but the targets have {y.shape[-1]} columns.")
        return (torch.nn.functional.softplus(outputs) - outputs * y).sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    def distribution(self, outputs: Tensor) -> Distribution:
        return Independent(Coin(logits=outputs), 1)

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        return self.each(outputs, y) / math.log(2)

    def score(self, outputs: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        return torch.where(mask > 0, self.rate(outputs, y) * mask, 0).sum()

    def misfit(self, y: Tensor, mask: Tensor) -> Kind | None:
        return None if bool((((y >= 0) & (y <= 1)).all(-1) | (mask == 0)).all()) else "values"


@dataclass(frozen=True)
class Labels(Bernoulli):
    """Labels of which a row may have any number: a logit for each, independent of the others; the score is micro F1.

        ``nll = −1/N Σ_n [y_n log σ(f_n) + (1 − y_n) log σ(−f_n)]``,    ``micro F1 = 2 TP / (2 TP + FP + FN)``

    The loss of a row is the mean over its labels, so that step sizes hold for any number of them. Hits (TP) and errors are
    counted over all queries and labels of a task, at probability ½; where no label is true and none is named, the score is 1. A
    label that no support row has cannot be learned: its logit is −1e4, and it counts for nothing in the loss and in the score.

    >>> Labels().score(torch.tensor([[2.0, -1.0, 3.0]]), torch.tensor([[1.0, 1.0, 1.0]]), torch.ones(1))
    tensor(0.8000)
    """

    metric: ClassVar[str] = "micro F1"
    higher_is_better: ClassVar[bool] = True

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        if outputs.shape[-1] != y.shape[-1]:
            raise ShapeError(f"the network has {outputs.shape[-1]} outputs, but the targets have {y.shape[-1]} columns.")
        known = self.known(outputs)
        losses = torch.where(known, torch.nn.functional.softplus(outputs) - outputs * y, 0)
        return losses.sum(-1) / known.sum(-1).clamp(min=1)

    def known(self, outputs: Tensor) -> Tensor:
        """Which labels the support set has, as outputs (Q, N) show it: those of an absent label are −1e4."""
        return ~(outputs <= ABSENT / 2)  # NaN is no absent label

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        known = self.known(outputs)
        right = (((self.mean(outputs) > 0.5) == (y > 0.5)) & known).sum(-1) / known.sum(-1).clamp(min=1)
        return torch.where(outputs.isnan().any(-1), torch.nan, right)

    def score(self, outputs: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        real = self.known(outputs) * mask[..., None]
        named = (self.mean(outputs) > 0.5) * real
        both = (named + y * real).sum()
        found = torch.where(both > 0, 2 * (named * y).sum() / both.clamp(min=1e-9), 1)
        return torch.where((outputs.isnan().any(-1) & (mask > 0)).any(), torch.nan, found)

    def present(self, y: Tensor, mask: Tensor) -> Tensor:
        return ((y * mask[:, None]).sum(0) > 0).to(y.dtype)

    def restrict(self, outputs: Tensor, present: Tensor) -> Tensor:
        return _restricted(outputs, present, "labels")
