"""Any learner of values on targets in units of the support set's own mean: one for series of any size."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.learner import Learner, Samples
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs, Task
from quickstudy.wrapper import LearnerWrapper

__all__ = ["OwnScale", "Scaled"]

_LEAST = 1e-2


class Scaled(NamedTuple):
    """The state of the learner inside, and the mean of the support set's values (P,)."""

    state: Any
    unit: Tensor


class OwnScale(LearnerWrapper):
    """The learner inside sees ``y / μ − 1``, or ``log(y / μ)``, with μ the mean absolute value of the support set.

    So a shop that sells a thousandfold is the same task, and answers scale with the support set. With logarithms, changes are
    ratios; means m and deviations s of the learner inside become ``μ eᵐ`` and ``μ eᵐ s``; values below μ / 100 count as that.

    Args:
        learner: of means and deviations.
        log: whether values are positive and their ratios matter.

    Raises:
        LearnerError: a learner of other outputs.

    >>> from torch import nn
    >>> from quickstudy.learners.bayesian.alpaca import ALPaCA
    >>> learner = OwnScale(ALPaCA(nn.Identity(), 1), log=True)
    >>> x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([1.5, 2.5])
    >>> small, large = (learner(Examples.of(x, times * y, kind="values"))(x) for times in (1, 1000))
    >>> bool(torch.allclose(1000 * small, large))
    True
    """

    def __init__(self, learner: Learner[Any], *, log: bool = False) -> None:
        super().__init__(learner)
        if not isinstance(learner.likelihood, MeanAndDeviation):
            raise LearnerError(f"{type(learner).__name__} gives no deviations beside its means. Wrap ALPaCA or a forecaster.")
        self.log = log

    @property
    def title(self) -> str:
        return self.learner.title

    def adapt(self, support: Examples) -> Scaled:
        unit = self._unit(support)
        return Scaled(super().adapt(self._scaled(support, unit)), unit)

    def predict(self, state: Scaled, x: Inputs) -> Tensor:
        mean, deviation = super().predict(state.state, x).chunk(2, -1)
        if self.log:
            mean = mean.clamp(max=20).exp()
            return torch.cat([state.unit * mean, state.unit * mean * deviation], -1)
        return torch.cat([state.unit * (mean + 1), state.unit * deviation], -1)

    def objective(self, task: Task) -> Tensor:
        return super().objective(self.scaled(task))

    def __getattr__(self, name: str) -> Any:
        """``update`` is not offered: more examples would change the unit of those seen before."""
        if name == "update":
            raise AttributeError(name)
        return super().__getattr__(name)

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        super().prepare(_Own(self, source), generator)

    def scaled(self, task: Task) -> Task:
        """A task, or a batch of tasks, as the learner inside sees it."""
        unit = self._unit(task.support)
        return Task(self._scaled(task.support, unit), self._scaled(task.query, unit))

    def _unit(self, support: Examples) -> Tensor:
        """Of each task, (…, P)."""
        count = support.mask.sum(-1).clamp(min=1)[..., None]
        found = (support.y.abs() * support.mask[..., None]).sum(-2) / count
        return torch.where(found > 0, found, 1.0)

    def _scaled(self, examples: Examples, unit: Tensor) -> Examples:
        y = examples.y / unit[..., None, :]
        y = y.clamp(min=_LEAST).log() if self.log else y - 1
        return Examples(examples.x, y * examples.mask[..., None], examples.mask)


@dataclass(frozen=True)
class _Own:
    """Tasks as the learner inside of `OwnScale` sees them."""

    learner: OwnScale
    source: Samples

    def sample(self, batch: int, generator: torch.Generator | None = None) -> Task:
        return self.learner.scaled(self.source.sample(batch, generator))
