"""A threshold on the probability of the best class, below which the answer is "none of these", and how often it errs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from quickstudy.borders.arguments import number
from quickstudy.errors import DataError, LearnerError

__all__ = ["NONE_OF_THESE", "Threshold", "threshold_of"]

NONE_OF_THESE = "none of these"
"""The answer where no class is probable enough."""

_STEP = 10_000
"""Thresholds are rounded down to 4 decimals, so that the example which sets one is not rejected by rounding."""


@dataclass(frozen=True)
class Threshold:
    """The smallest probability with which a class is named.

    Args:
        least: the probability, from 0 to 1.
        source: what it was calibrated on, in words.
        right: number of right answers it was calibrated on.
        false_rejects: share of these that are below the threshold.
        unknown: number of examples of unknown classes.
        false_accepts: share of these that get a class all the same; None where there were none.

    Raises:
        DataError: numbers that these cannot be.
    """

    least: float
    source: str = "a given number"
    right: int = 0
    false_rejects: float | None = None
    unknown: int = 0
    false_accepts: float | None = None

    def __post_init__(self) -> None:
        number(DataError, 0, 1, threshold=self.least)
        for name in ("false_rejects", "false_accepts"):
            if getattr(self, name) is not None:
                number(DataError, 0, 1, **{name: getattr(self, name)})

    def __str__(self) -> str:
        rejects = "" if self.false_rejects is None else f"; rejects {self.false_rejects:.1%} of {self.right:,} right answers"
        accepts = (
            "" if self.false_accepts is None else f", accepts {self.false_accepts:.1%} of {self.unknown:,} of unknown classes"
        )
        missing = "" if self.false_accepts is not None or not rejects else "; how many of unknown classes it accepts is not known"
        return f"{self.least:.4f} (calibrated on {self.source}{rejects}{accepts}{missing})"

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Threshold":
        """Of what a file holds.

        Raises:
            DataError, TypeError: it is none.
        """
        known = cls(**found)
        if not isinstance(known.source, str) or not all(type(count) is int for count in (known.right, known.unknown)):
            raise DataError("a threshold has a source in words and whole numbers of examples.")
        return known


def threshold_of(right: Tensor, unknown: Tensor | None, source: str, *, keep: float = 0.95) -> Threshold:
    """The largest threshold that keeps a share of the right answers, and its errors on the same examples.

        ``t = p_(k+1)``,   k = ⌊(1 − keep) · n⌋,   p_(1) ≤ … ≤ p_(n) the probabilities of the right answers

    rounded down to 4 decimals, at most 0.9999: what lies beyond is rounding. Calibrated and measured on the same examples, so
    the share of false rejections is optimistic where they are few.

    Args:
        right: probabilities of the best class of examples whose best class is right, (n,).
        unknown: the same of examples of classes that the predictor does not have, (m,); None or empty if there are none.
        source: of both, in words.
        keep: share of right answers to be kept.

    Raises:
        LearnerError: no right answer.

    >>> import torch
    >>> print(threshold_of(torch.arange(1, 41) / 40, torch.tensor([0.01, 0.5]), "an example"))
    0.0750 (calibrated on an example; rejects 5.0% of 40 right answers, accepts 50.0% of 2 of unknown classes)
    """
    number(LearnerError, 0, 1, keep=keep)
    if not len(right):
        raise LearnerError("a threshold is calibrated on right answers, and there is none.")
    ordered = right.double().sort().values
    exact = float(ordered[math.floor((1 - keep) * len(ordered) + 1e-9)])
    least = min(math.floor(exact * _STEP + 1e-9), _STEP - 1) / _STEP
    rejected = float((ordered < least).double().mean())
    if unknown is None or not len(unknown):
        return Threshold(least, source, len(ordered), rejected)
    accepted = float((unknown.double() >= least).double().mean())
    return Threshold(least, source, len(ordered), rejected, len(unknown), accepted)
