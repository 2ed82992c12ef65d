"""Targets of one bit, yes or no, evaluated by accuracy."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from quickstudy.borders.targets import Kind
from quickstudy.errors import LearnerError
from quickstudy.likelihood import Bernoulli, Likelihood

__all__ = ["Binary"]


@dataclass(frozen=True)
class Binary(Bernoulli):
    """One bit a row, a number 1 or 0: outputs are log-odds of 1, the loss is the cross-entropy, the score is accuracy.

    The expected value is the probability of 1, so a file of answers in 0 and 1 is one of numbers. A logit of 0 is half right.

    >>> Binary().score(torch.tensor([[2.0], [0.0]]), torch.ones(2, 1), torch.ones(2))
    tensor(0.7500)
    """

    targets: ClassVar[Kind] = "values"
    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True

    def rate(self, outputs: Tensor, y: Tensor) -> Tensor:
        chance = self.mean(outputs)
        right = torch.where(chance == 0.5, 0.5, ((chance > 0.5) == (y > 0.5)).to(y.dtype))
        return torch.where(outputs.isnan(), torch.nan, right).mean(-1)

    score = Likelihood.score

    def misfit(self, y: Tensor, mask: Tensor) -> Kind | None:
        """None.

        Raises:
            LearnerError: a target of a real row that is neither 0 nor 1.
        """
        wrong = ((y != 0) & (y != 1)).any(-1) & (mask > 0)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0, 0])
            raise LearnerError(
                f"the target of row {row} (the first is 0) is {y[row].tolist()}, but this learner learns yes or no. Give 1 or 0."
            )
        return None
