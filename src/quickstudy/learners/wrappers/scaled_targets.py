"""Any learner of values on targets of mean 0 and deviation 1, answering in the targets' own unit."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.learner import Learner, Samples
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs, Task
from quickstudy.wrapper import Changed, LearnerWrapper

__all__ = ["ScaledTargets"]


class ScaledTargets(LearnerWrapper):
    """The learner inside sees ``(y − m) / d``; its outputs f become ``m + d f``, stated deviations ``d f``.

    So step sizes and penalties that suit values near 1 suit blood pressures and prices too, and meta-training weighs errors in
    units of d. Reports are in the targets' own unit. Take m and d from meta-training tasks.

    Args:
        learner: of values, for example ``MAML(network, likelihood=Gaussian())``.
        mean: m.
        deviation: d.

    Raises:
        LearnerError: a learner of other targets than values, or a deviation that is not positive.

    >>> from torch import nn
    >>> from quickstudy.learners.closed_form.r2d2 import R2D2
    >>> from quickstudy.likelihood import Gaussian
    >>> learner = ScaledTargets(R2D2(nn.Identity(), penalty=1.0, likelihood=Gaussian()), mean=120.0, deviation=20.0)
    >>> predictor = learner(Examples.of(torch.eye(3), torch.tensor([[110.5], [120.0], [150.0]])))
    >>> bool(abs(predictor(torch.zeros(1, 3)) - 120) < 20)
    True
    """

    def __init__(self, learner: Learner[Any], *, mean: float, deviation: float) -> None:
        super().__init__(learner)
        if learner.likelihood.targets != "values":
            raise LearnerError(f"{type(learner).__name__} learns {learner.likelihood.targets}, whose targets have no scale.")
        if not deviation > 0:
            raise LearnerError(f"deviation={deviation} must be positive.")
        self.mean, self.deviation = mean, deviation

    @property
    def title(self) -> str:
        return self.learner.title

    def adapt(self, support: Examples) -> Any:
        return super().adapt(self._scaled(support))

    def predict(self, state: Any, x: Inputs) -> Tensor:
        outputs = self.deviation * super().predict(state, x)
        if not isinstance(self.likelihood, MeanAndDeviation):
            return self.mean + outputs
        means, deviations = outputs.chunk(2, -1)
        return torch.cat([self.mean + means, deviations], -1)

    def objective(self, task: Task) -> Tensor:
        return super().objective(Task(self._scaled(task.support), self._scaled(task.query)))

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        super().prepare(Changed(source, self._scaled), generator)

    def _scaled(self, examples: Examples) -> Examples:
        return replace(examples, y=(examples.y - self.mean) / self.deviation)

    def _update(self, state: Any, more: Examples) -> Any:
        return super()._update(state, self._scaled(more))
