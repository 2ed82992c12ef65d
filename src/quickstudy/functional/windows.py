"""How an unrolled trajectory is evaluated: where it is differentiated, and what its losses count."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from quickstudy.errors import LearnerError

__all__ = ["MeanLogLoss", "Windows", "mean_loss"]


def mean_loss(losses: Tensor) -> Tensor:
    """``mean_t L_t``, as in Andrychowicz et al., 2016: the large losses of early steps and hard problems dominate it.

    >>> import torch
    >>> mean_loss(torch.tensor([3.0, 1.0]))
    tensor(2.)
    """
    return losses.mean()


@dataclass(frozen=True)
class MeanLogLoss:
    """``mean_t log(L_t − least + margin)``: a loss that falls by half counts the same early and late, down to the margin.

    Its gradient is that of a mean of losses, each relative to its own value, ``∇L_t / (L_t − least + margin)``.

    Args:
        least: value below which no loss falls.
        margin: size at which progress is enough.

    Raises:
        LearnerError: a margin of 0 or less.

    >>> import torch
    >>> MeanLogLoss(margin=1.0)(torch.tensor([0.0, torch.e - 1]))
    tensor(0.5000)
    """

    least: float = 0.0
    margin: float = 0.01

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise LearnerError(f"margin={self.margin}: the logarithm needs a margin above 0; take the size of a small loss.")

    def __call__(self, losses: Tensor) -> Tensor:
        return (losses - self.least + self.margin).log().mean()


@dataclass(frozen=True)
class Windows:
    """Consecutive stretches of a trajectory; no gradient passes from one into the one before.

    Args:
        length: steps of each.
        count: how many follow one another, their scores averaged.
        score: of a window's losses (length,), one after each step.

    Raises:
        LearnerError: a window without steps, or no window.

    >>> Windows(20, count=5).steps
    100
    """

    length: int = 20
    count: int = 1
    score: Callable[[Tensor], Tensor] = mean_loss

    def __post_init__(self) -> None:
        if self.length < 1 or self.count < 1:
            raise LearnerError(f"{self.count} windows of {self.length} steps: take at least one window of at least one step.")

    @property
    def steps(self) -> int:
        return self.length * self.count
