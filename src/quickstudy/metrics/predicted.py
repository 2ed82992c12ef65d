"""Predictions for queries, in the forms that metrics need; a missing form is refused with the remedy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Bernoulli as Coin
from torch.distributions import Distribution, Independent, OneHotCategorical

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional.binary import Binary
from quickstudy.functional.spelled import Spelled, candidate_of
from quickstudy.likelihood import ABSENT, Bernoulli, Categorical, Gaussian, Labels, Likelihood, MeanAndDeviation

__all__ = ["Kind", "Predicted", "pool"]

Kind = Literal["probabilities", "scores", "class numbers", "label probabilities", "values", "values and deviations"]
"""What outputs are: only probabilities and deviations say how sure a model is."""


@dataclass(frozen=True)
class _Stated(Categorical):
    """Classes by outputs that are their probabilities already, no logits."""

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        return -torch.xlogy(y, outputs).sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs

    def distribution(self, outputs: Tensor) -> Distribution:
        return OneHotCategorical(outputs)


@dataclass(frozen=True)
class _StatedBits(Bernoulli):
    """Labels by outputs that are their probabilities already, no logits."""

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy(outputs, y, reduction="none").sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs

    def distribution(self, outputs: Tensor) -> Distribution:
        return Independent(Coin(probs=outputs), 1)


@dataclass(frozen=True)
class _StatedBinary(_StatedBits, Binary):
    """One bit by an output that is its probability already, evaluated by accuracy."""


@dataclass(frozen=True)
class _StatedLabels(Labels):
    """Labels of which a row may have several, by outputs that are their probabilities already, no logits."""

    def each(self, outputs: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy(outputs, y, reduction="none").mean(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs

    def known(self, outputs: Tensor) -> Tensor:
        return torch.ones_like(outputs, dtype=torch.bool)

    def distribution(self, outputs: Tensor) -> Distribution:
        return Independent(Coin(probs=outputs), 1)


@dataclass(frozen=True)
class Predicted:
    """Predictions for Q queries.

    Args:
        outputs: (Q, …), as the likelihood reads them.
        likelihood: of the outputs.
        kind: what they are.
        real: which columns the task of each query has (Q, N), where tasks of different ways were pooled; None: all.
        unit: which queries belong together, by number (Q,): the words of a sentence; None: each stands alone.

    >>> said = Predicted.of(torch.tensor([[0.0, 2.0]]), Categorical())
    >>> said.classes.tolist(), round(said.probabilities[0, 1].item(), 3), len(said)
    ([1], 0.881, 1)
    """

    outputs: Tensor
    likelihood: Likelihood
    kind: Kind
    real: Tensor | None = None
    unit: Tensor | None = None

    @classmethod
    def of(cls, outputs: Tensor, likelihood: Likelihood, unit: Tensor | None = None) -> "Predicted":
        """A learner's outputs, interpreted by its likelihood."""
        spread: Kind = "values and deviations" if isinstance(likelihood, Gaussian) else "values"
        if isinstance(likelihood, Labels):
            return cls(outputs, likelihood, "label probabilities", unit=unit)
        return cls(outputs, likelihood, "probabilities" if isinstance(likelihood, Categorical) else spread, unit=unit)

    @classmethod
    def by_function(cls, found: Any, y: Tensor, likelihood: Likelihood) -> "Predicted":
        """What a function gave for queries with targets ``y``: class scores, class numbers, values, or (means, deviations).

        Raises:
            ShapeError: it fits the targets in no way.
        """
        if isinstance(found, tuple) and isinstance(likelihood, Gaussian) and len(found) == 2:
            mean, deviation = (_columns(part, y) for part in found)
            if not bool((deviation > 0).all()):
                raise ShapeError("the standard deviations that the model gave beside its means must be positive.")
            return cls(torch.cat([mean, deviation], 1), MeanAndDeviation(), "values and deviations")
        if isinstance(likelihood, Spelled):
            return cls(candidate_of(found, y), likelihood, "values")
        numbers = _numbers(found)
        if isinstance(likelihood, Bernoulli):
            bits = _columns(numbers, y)
            if not bool(((bits >= 0) & (bits <= 1)).all()):
                raise ShapeError("the targets are labels: return the probability of each, (Q, labels) between 0 and 1.")
            if isinstance(likelihood, Labels):
                return cls(bits, _StatedLabels(), "label probabilities")
            return cls(bits, _StatedBinary() if isinstance(likelihood, Binary) else _StatedBits(), "values")
        if numbers.ndim == 1 and len(numbers) == len(y) and y.shape[1] > 1 and isinstance(likelihood, Categorical):
            known = (numbers >= 0) & (numbers < y.shape[1]) & (numbers == numbers.round())
            if not bool(known.all()):
                raise ShapeError(
                    f"the model answered {numbers[~known][0].item():g}, but class numbers lie in 0..{y.shape[1] - 1}. "
                    "Return the number of a class for each query, or a score for each class."
                )
            outputs = torch.nn.functional.one_hot(numbers.long(), y.shape[1]).to(y.dtype)
            return cls(outputs, likelihood, "class numbers")
        outputs = _columns(numbers, y)
        if isinstance(likelihood, Gaussian):
            return cls(outputs, likelihood, "values")
        whole = bool((outputs >= 0).all()) and bool(((outputs.sum(1) - 1).abs() < 1e-3).all())
        return cls(outputs, _Stated(), "probabilities") if whole else cls(outputs, likelihood, "scores")

    def __len__(self) -> int:
        return len(self.outputs)

    def __getitem__(self, rows: Any) -> "Predicted":
        real, unit = (None if part is None else part[rows] for part in (self.real, self.unit))
        return Predicted(self.outputs[rows], self.likelihood, self.kind, real, unit)

    def among(self, columns: Tensor) -> "Predicted":
        """The predictions for these columns alone (N,), where targets are classes or labels: those of padding are none."""
        return Predicted(self.outputs[:, columns], self.likelihood, self.kind, unit=self.unit)

    @property
    def classes(self) -> Tensor:
        """The most probable class of each query, (Q,); of several that are equally probable the first, see `named`."""
        if self.kind.startswith("values"):
            raise LearnerError("this metric needs classes, but the model gives values. Use metrics of values: mse, ndcg.")
        if self.kind == "label probabilities":
            raise LearnerError(
                "this metric is of one class for each query, but queries have several labels. Use metrics of labels: micro_f1, "
                "macro_f1, mean_average_precision, exact_match."
            )
        return self.outputs.argmax(1)

    @property
    def named(self) -> Tensor:
        """The classes named for each query (Q, N): 1 for the most probable one, 1/k for each of k that are equally probable."""
        self.classes  # noqa: B018  refuses values
        best = (self.outputs == self.outputs.amax(1, keepdim=True)).double()
        return best / best.sum(1, keepdim=True)

    @property
    def probabilities(self) -> Tensor:
        """The probability of each class (Q, N).

        Raises:
            LearnerError: the model gave none.
        """
        if self.kind == "label probabilities":
            self.classes  # noqa: B018  refuses labels
        if self.kind != "probabilities":
            raise LearnerError(
                f"this metric needs probabilities, but the model gives {self.kind}. Return one probability for each class, "
                "non-negative rows that sum to one: predict_proba instead of predict, softmax of scores."
            )
        return self.likelihood.mean(self.outputs)

    @property
    def label_probabilities(self) -> Tensor:
        """The probability of each label (Q, N).

        Raises:
            LearnerError: queries have one class each, or values.
        """
        if self.kind != "label probabilities":
            raise LearnerError(
                f"this metric is of queries with several labels, but the model gives {self.kind}. Use metrics of classes "
                "(log_loss, macro_f1) or of values (mse)."
            )
        return self.likelihood.mean(self.outputs)

    @property
    def values(self) -> Tensor:
        """The expected values (Q, P).

        Raises:
            LearnerError: the model names classes.
        """
        if not self.kind.startswith("values"):
            raise LearnerError(
                "this metric needs values, but the model names classes. Use metrics of classes: log_loss, macro_f1."
            )
        return self.likelihood.mean(self.outputs)

    @property
    def distribution(self) -> Distribution:
        """The predictive distribution of the values, one for each query.

        Raises:
            LearnerError: the model does not say how sure it is.
        """
        if self.kind != "values and deviations":
            raise LearnerError(
                f"this metric needs a spread for each value, but the model gives {self.kind}. Return a pair of means and "
                "standard deviations: predict(x, return_std=True) of a Gaussian process, say."
            )
        return self.likelihood.distribution(self.outputs)


def pool(seen: Sequence[tuple[Predicted, Tensor]]) -> tuple[Predicted, Tensor]:
    """The queries of many tasks as if they were of one: what ``evaluate(watch=…)`` received, joined.

    Tasks of fewer ways get columns that are no classes of theirs, see `Predicted.real`.

    Raises:
        LearnerError: there are none, or outputs are of several kinds (probabilities in one task, scores in another).
    """
    kinds = {predicted.kind: predicted.likelihood for predicted, _ in seen}
    if len(kinds) != 1:
        raise LearnerError(
            f"outputs of {len(seen)} tasks are {' in some and '.join(kinds) or 'none'}, so that they cannot be pooled. Return "
            "the same kind for every task: one probability for each class, rows that sum to one."
        )
    ((kind, likelihood),) = kinds.items()
    widest, unit = max(y.shape[1] for _, y in seen), _units([said.unit for said, _ in seen])
    if all(y.shape[1] == widest for _, y in seen):
        outputs, targets = torch.cat([said.outputs for said, _ in seen]), torch.cat([y for _, y in seen])
        return Predicted(outputs, likelihood, kind, unit=unit), targets
    logits = isinstance(likelihood, Categorical | Labels) and not isinstance(likelihood, _Stated | _StatedLabels)
    logits = logits and kind != "class numbers"
    absent = ABSENT if logits else 0.0
    outputs = torch.cat([_wider(said.outputs, widest, absent) for said, _ in seen])
    real = torch.cat([_wider(torch.ones_like(said.outputs), widest, 0.0) > 0 for said, _ in seen])
    return Predicted(outputs, likelihood, kind, real, unit), torch.cat([_wider(y, widest, 0.0) for _, y in seen])


def _units(found: Sequence[Tensor | None]) -> Tensor | None:
    """Units of several tasks, so that those of two tasks are never one; None where one has none."""
    apart, past = [], 0
    for unit in found:
        if unit is None:
            return None
        _, number = torch.unique(unit, return_inverse=True)
        apart.append(number + past)
        past += int(number.max()) + 1
    return torch.cat(apart)


def _wider(rows: Tensor, columns: int, value: float) -> Tensor:
    """Rows (Q, N, …) with columns of ``value`` added to the second axis."""
    added = rows.new_full((len(rows), columns - rows.shape[1], *rows.shape[2:]), value)
    return torch.cat([rows, added], 1)


def _numbers(found: Any) -> Tensor:
    """Real numbers; NaN is none."""
    try:
        numbers = found.detach() if isinstance(found, Tensor) else torch.as_tensor(np.asarray(found))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeError(f"the model answered a {type(found).__name__}, which is no array of numbers ({error}).") from error
    if numbers.is_complex() or bool(numbers.isnan().any()):
        raise ShapeError("the model answered NaN or complex numbers. Return a real number for each query, or one for each class.")
    return numbers


def _columns(found: Any, y: Tensor) -> Tensor:
    """Numbers of one model for targets ``y`` in their shape (one column where there is one axis only)."""
    outputs = _numbers(found)
    outputs = outputs[:, None] if outputs.ndim == 1 else outputs
    if outputs.shape != y.shape:
        raise ShapeError(
            f"the model gave outputs of shape {tuple(outputs.shape)} for targets of shape {tuple(y.shape)}. "
            "Return a score for each class, class numbers, or values."
        )
    return outputs.to(y.dtype)
