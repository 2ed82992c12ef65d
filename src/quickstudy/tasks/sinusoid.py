"""Sine waves of random amplitude and phase: the regression tasks of Finn, Abbeel & Levine, 2017, MAML."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.likelihood import Gaussian
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["Sinusoid", "SinusoidPlan"]


@dataclass(frozen=True)
class SinusoidPlan(Plan):
    """Amplitudes and phases (B,), inputs of support (B, S) and query (B, Q)."""

    amplitude: Tensor
    phase: Tensor
    support_x: Tensor
    query_x: Tensor


class Sinusoid(TaskSource[SinusoidPlan]):
    """``y = A sin(x − b)`` with A ~ U[0.1, 5], b ~ U[0, π], x ~ U[−5, 5].

    Args:
        shots: K, points in the support set.
        queries: random points in the query set; with ``grid`` evenly spaced ones over [−5, 5], which evaluate a whole curve.
        grid: see above.

    Predicting 0 costs E[A²]/2 = 4.2517, the best function that ignores the support set, −1.6234 cos x, costs 3.0057.

    >>> Sinusoid(shots=10, queries=100, grid=True).sample(25).query.x.shape
    torch.Size([25, 100, 1])
    """

    likelihood = Gaussian()

    def __init__(self, shots: int = 10, queries: int = 10, *, grid: bool = False) -> None:
        self.shots, self.queries, self.grid = shots, queries, grid
        self.name = f"sinusoid {shots}-shot {queries} {'grid ' if grid else ''}queries"

    def plan(self, batch: int, generator: torch.Generator | None = None) -> SinusoidPlan:
        amplitude = 0.1 + 4.9 * torch.rand(batch, generator=generator)
        phase = math.pi * torch.rand(batch, generator=generator)
        x = 10 * torch.rand(batch, self.shots + self.queries, generator=generator) - 5
        query = torch.linspace(-5, 5, self.queries).expand(batch, -1) if self.grid else x[:, self.shots :]
        return SinusoidPlan(amplitude, phase, x[:, : self.shots], query)

    def gather(self, plan: SinusoidPlan) -> Task:
        def side(x: Tensor) -> Examples:
            y = plan.amplitude[:, None] * torch.sin(x - plan.phase[:, None])
            return Examples(x[..., None], y[..., None], torch.ones_like(x))

        return Task(side(plan.support_x), side(plan.query_x))

    @staticmethod
    def oracle(support: Examples) -> Callable[[Tensor], Tensor]:
        """The exact solution: y is linear in (sin x, cos x), so two points without noise determine the wave."""
        real = support.trim()
        weights = torch.linalg.lstsq(_waves(real.x.double()), real.y.double()).solution
        return lambda x: (_waves(x.double()) @ weights).to(x.dtype)


def _waves(x: Tensor) -> Tensor:
    return torch.cat([x.sin(), x.cos()], -1)
