"""Random quadratic functions to be minimised, the first problems of Andrychowicz et al., 2016, Learning to learn by gradient
descent by gradient descent."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.likelihood import Gaussian
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["Quadratics", "QuadraticsPlan"]


@dataclass(frozen=True)
class QuadraticsPlan(Plan):
    """W (B, D, D) and y (B, D)."""

    w: Tensor
    y: Tensor


class Quadratics(TaskSource[QuadraticsPlan]):
    """``f(θ) = ‖W θ − y‖² / D`` with the numbers of W and y from N(0, 1): to be minimised by `nn.Point`.

    As examples: inputs are the rows of W, targets the numbers of y, and f is the mean squared error. Query = support, for
    the problem is the function itself. (The paper's f is the sum over the rows.) The least value is 0, found by `oracle`.

    Args:
        dimensions: D.

    >>> task = Quadratics(10).sample(25)
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([25, 10, 10]), torch.Size([25, 10, 1]))
    """

    likelihood = Gaussian()

    def __init__(self, dimensions: int = 10) -> None:
        self.dimensions = dimensions
        self.name = f"quadratics of {dimensions} dimensions"

    def plan(self, batch: int, generator: torch.Generator | None = None) -> QuadraticsPlan:
        drawn = torch.randn(batch, self.dimensions, self.dimensions + 1, generator=generator)
        return QuadraticsPlan(drawn[..., :-1], drawn[..., -1])

    def gather(self, plan: QuadraticsPlan) -> Task:
        examples = Examples(plan.w, plan.y[..., None], torch.ones_like(plan.y))
        return Task(examples, examples)

    @staticmethod
    def oracle(support: Examples) -> Callable[[Tensor], Tensor]:
        """The minimum, by solving ``W θ = y``."""
        theta = torch.linalg.lstsq(support.x.double(), support.y.double()).solution
        return lambda x: (x.double() @ theta).to(x.dtype)
