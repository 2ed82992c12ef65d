"""Kernels between rows of a table with a learned weight for each column: Laplace's and the linear one.

Source: Rasmussen & Williams, 2006, Gaussian processes for machine learning (the exponential and the linear kernel).
"""

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.nn.kernels import Kernel

__all__ = ["LaplaceKernel", "LinearKernel"]


class LaplaceKernel(Kernel):
    """Likeness that falls with the weighted sum of absolute differences, ``exp(−Σ_d c_d |a_d − b_d|)``.

    Two rows are as alike as the product of their columns' likenesses says, and a column far off counts less than by squares: so
    one odd value does not hide nineteen equal ones.

    Args:
        columns: D, numbers in a row.
        weight: c_d at the start.

    Raises:
        LearnerError: a weight that is not positive.

    >>> kernel = LaplaceKernel(2, weight=0.5)
    >>> kernel(torch.zeros(1, 2), torch.tensor([[1.0, -3.0]])).log().detach()
    tensor([[-2.]])
    """

    def __init__(self, columns: int, *, weight: float = 0.1) -> None:
        super().__init__()
        if not weight > 0:
            raise LearnerError(f"weight={weight} must be positive.")
        self.log_weight = nn.Parameter(torch.full((columns,), float(weight)).log())

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        weight = self.log_weight.exp()
        return (-torch.cdist(a * weight, b * weight, p=1.0)).exp()

    def diagonal(self, a: Tensor) -> Tensor:
        return torch.ones_like(a[:, 0])


class LinearKernel(Kernel):
    """Of linear functions with an intercept, ``1 + Σ_d (c_d a_d) (c_d b_d)``.

    Args:
        columns: D, numbers in a row.
        weight: c_d at the start.

    Raises:
        LearnerError: a weight that is not positive.

    >>> LinearKernel(2, weight=1.0)(torch.ones(1, 2), torch.tensor([[1.0, -3.0]])).detach()
    tensor([[-1.]])
    """

    def __init__(self, columns: int, *, weight: float = 0.1) -> None:
        super().__init__()
        if not weight > 0:
            raise LearnerError(f"weight={weight} must be positive.")
        self.log_weight = nn.Parameter(torch.full((columns,), float(weight)).log())

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        weight = self.log_weight.exp()
        return (a * weight) @ (b * weight).mT + 1

    def diagonal(self, a: Tensor) -> Tensor:
        return (a * self.log_weight.exp()).square().sum(1) + 1
