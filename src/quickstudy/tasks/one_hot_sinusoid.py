"""Sine waves with a one-hot code of the amplitude beside each input, which can be memorised.

Source: Yin, Tucker, Zhou, Levine & Finn, 2020, Meta-learning without memorization.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.likelihood import Gaussian
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["OneHotSinusoid", "OneHotSinusoidPlan"]


@dataclass(frozen=True)
class OneHotSinusoidPlan(Plan):
    """Amplitudes and codes (B,), inputs and noise of support (B, S) and query (B, Q)."""

    amplitude: Tensor
    code: Tensor
    support_x: Tensor
    query_x: Tensor
    support_noise: Tensor
    query_noise: Tensor


class OneHotSinusoid(TaskSource[OneHotSinusoidPlan]):
    """``y = A sin u + ε`` from inputs ``x = (u, one-hot code)``, with u ~ U[−5, 5] and normal noise ε.

    With ``told`` the code names the amplitude, one of evenly spaced ones in [0.1, 4]: the input alone gives the answer, and
    nothing makes a learner read the support set. Without, as at meta-test in the paper, the amplitude is A ~ U[0.1, 4] and
    the code is drawn at random: only the support set reveals the amplitude.

    Args:
        shots: points in the support set.
        queries: points in the query set.
        told: whether the code is that of the amplitude.
        amplitudes: how many codes there are.
        noise: standard deviation of ε.

    Raises:
        TaskError: no points, no codes, or negative noise.

    >>> OneHotSinusoid(shots=5).sample(2).support.x.shape
    torch.Size([2, 5, 21])
    """

    likelihood = Gaussian()

    def __init__(self, shots: int = 5, queries: int = 10, *, told: bool = True, amplitudes: int = 20, noise: float = 0.1) -> None:
        if shots < 1 or queries < 1 or amplitudes < 2 or noise < 0:
            raise TaskError("a sine wave needs a shot, a query and two amplitudes or more; noise must not be negative.")
        self.shots, self.queries, self.told, self.amplitudes, self.noise = shots, queries, told, amplitudes, noise
        told_or_not = "of its amplitude" if told else "of nothing"
        self.name = f"sinusoid with a one-hot code {told_or_not} {shots}-shot {queries} queries"

    def plan(self, batch: int, generator: torch.Generator | None = None) -> OneHotSinusoidPlan:
        code = torch.randint(self.amplitudes, (batch,), generator=generator)
        free = 0.1 + 3.9 * torch.rand(batch, generator=generator)
        amplitude = torch.linspace(0.1, 4, self.amplitudes)[code] if self.told else free
        count = self.shots + self.queries
        x = 10 * torch.rand(batch, count, generator=generator) - 5
        noise = self.noise * torch.randn(batch, count, generator=generator)
        cut = self.shots
        return OneHotSinusoidPlan(amplitude, code, x[:, :cut], x[:, cut:], noise[:, :cut], noise[:, cut:])

    def gather(self, plan: OneHotSinusoidPlan) -> Task:
        codes = torch.nn.functional.one_hot(plan.code, self.amplitudes).to(plan.amplitude.dtype)[:, None]

        def side(x: Tensor, noise: Tensor) -> Examples:
            y = plan.amplitude[:, None] * x.sin() + noise
            inputs = torch.cat([x[..., None], codes.expand(-1, x.shape[1], -1)], -1)
            return Examples(inputs, y[..., None], torch.ones_like(x))

        return Task(side(plan.support_x, plan.support_noise), side(plan.query_x, plan.query_noise))

    @staticmethod
    def oracle(support: Examples) -> Callable[[Tensor], Tensor]:
        """Least squares for the one unknown, the amplitude; the code is not read."""
        real = support.trim()
        wave = real.x[:, :1].sin()
        amplitude = (wave * real.y).sum() / (wave * wave).sum().clamp(min=1e-12)
        return lambda x: amplitude * x[:, :1].sin()
