"""Forecasts of several learners, averaged by weights that meta-training learns for each length of the past.

Source: Bates & Granger, 1969, The combination of forecasts.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.task import Examples, Inputs, Task

__all__ = ["AveragedForecasts", "Several"]


class Several(NamedTuple):
    """The states of several learners, and the weight of each: in the mean and in the deviation, (2, K)."""

    states: tuple[Any, ...]
    weight: Tensor


class AveragedForecasts(Learner[Several]):
    """``m = Σ_k w_k m_k`` and ``s = Σ_k v_k s_k``, with weights ``softmax(a + b log n)`` of the number n of examples.

    Errors of unlike models cancel in part, so an average is often better than the best of them. Deviations have weights v of
    their own, for a model of good means may state poor deviations. Learned weights favour learners that fit
    the series of meta-training, so equal ones can be better on new series: ``equal_from``. Each learner is meta-trained on
    its own density as well, so that none leaves the work to another. Outputs are means and deviations, (Q, 2 P).

    Args:
        learners: of means and deviations, on inputs that their encoders take.
        own: how much each learner's own density counts in the objective.
        equal_from: number of examples from which weights of means are equal; None: never.

    Raises:
        LearnerError: fewer than two learners, or one of other outputs.

    >>> from quickstudy.likelihood import MeanAndDeviation
    >>> class Always(Learner[float]):
    ...     likelihood = MeanAndDeviation()
    ...     def __init__(self, mean):
    ...         super().__init__()
    ...         self.mean = mean
    ...     def adapt(self, support):
    ...         return support.y.new_tensor(self.mean)
    ...     def predict(self, state, x):
    ...         return torch.stack([state, state.new_tensor(1.0)]).expand(len(x), 2)
    >>> learner = AveragedForecasts([Always(1.0), Always(3.0)])
    >>> learner(Examples.of(torch.zeros(3, 1), torch.tensor([0.5, 0.5, 0.5])))(torch.zeros(1, 1))
    tensor([[2., 1.]])
    """

    facts = Facts(norm="none")
    likelihood = MeanAndDeviation()

    def __init__(self, learners: Sequence[Learner[Any]], *, own: float = 0.5, equal_from: int | None = None) -> None:
        super().__init__()
        wrong = next((each for each in learners if not isinstance(each.likelihood, MeanAndDeviation)), None)
        if len(learners) < 2 or wrong is not None:
            what = f"a {type(wrong).__name__} gives no deviations" if wrong is not None else f"{len(learners)} were given"
            raise LearnerError(f"an average is of two learners or more, of means and deviations; {what}.")
        if equal_from is not None:
            whole(LearnerError, equal_from=equal_from)
        self.learners, self.own, self.equal_from = nn.ModuleList(learners), own, equal_from
        self.facts = Facts(
            ordered=any(each.facts.ordered for each in learners),
            stochastic=any(each.facts.stochastic for each in learners),
            norm=learners[0].facts.norm,
        )
        self.level, self.by_count = (nn.Parameter(torch.zeros(2, len(learners))) for _ in range(2))

    def encode(self, x: Inputs) -> Any:
        return tuple(each.encode(x) for each in self._each())

    def adapt(self, support: Examples) -> Several:
        states = tuple(each.adapt(support.replace(x)) for each, x in zip(self._each(), support.x, strict=True))
        count = support.mask.sum().clamp(min=1)
        weight = self._learned(support)
        if self.equal_from is not None:
            equal = torch.full_like(weight[0], 1 / len(states))
            weight = torch.stack([torch.where(count >= self.equal_from, equal, weight[0]), weight[1]])
        return Several(states, weight)

    def predict(self, state: Several, x: Any) -> Tensor:
        return self._average(state, self._outputs(state, x))

    def objective(self, task: Task) -> Tensor:
        state = self.adapt(task.support)._replace(weight=self._learned(task.support))
        outputs = self._outputs(state, task.query.x)
        losses = [self.likelihood.nll(each, task.query.y, task.query.mask) for each in outputs]
        together = self.likelihood.nll(self._average(state, outputs), task.query.y, task.query.mask)
        return together + self.own * torch.stack(losses).mean()

    def _learned(self, support: Examples) -> Tensor:
        """The weights that meta-training learns, (2, K)."""
        return (self.level + self.by_count * support.mask.sum().clamp(min=1).log()).softmax(1)

    def _each(self) -> list[Any]:
        return list(self.learners)

    def _outputs(self, state: Several, x: Any) -> list[Tensor]:
        parts = zip(self._each(), state.states, x, strict=True)
        return [each.predict(mine, rows) for each, mine, rows in parts]

    @staticmethod
    def _average(state: Several, outputs: Sequence[Tensor]) -> Tensor:
        means, deviations = torch.stack(list(outputs)).chunk(2, -1)
        return torch.cat([torch.einsum("k,kqp->qp", w, x) for w, x in zip(state.weight, (means, deviations), strict=True)], -1)
