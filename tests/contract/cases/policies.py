"""Cases of learners of policies: actions that lead to a goal, known by what was tried there."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from contract.cases.ground import Case, built
from quickstudy import learners
from quickstudy.checks import Training
from quickstudy.functional import PolicyGradient
from quickstudy.nn import MLP
from quickstudy.task import Examples, Task
from quickstudy.tasks import Plan, TaskSource


@dataclass(frozen=True)
class SteeringPlan(Plan):
    """Goals (B, 2), places (B, S + Q, 2), what was tried there (B, S, 2)."""

    goal: Tensor
    place: Tensor
    tried: Tensor


class Steering(TaskSource[SteeringPlan]):
    """In two rounds actions were tried by chance, and how much better they were is known; queries show what is right."""

    name = "steering"
    likelihood = PolicyGradient()

    def plan(self, batch: int, generator: torch.Generator | None = None) -> SteeringPlan:
        goal = torch.randn(batch, 2, generator=generator)
        place, tried = (torch.randn(batch, rows, 2, generator=generator) for rows in (30, 20))
        return SteeringPlan(goal, place, tried)

    def gather(self, plan: SteeringPlan) -> Task:
        right = plan.goal[:, None].expand_as(plan.place)
        better = -(plan.tried - right[:, :20]).square().sum(2, keepdim=True)
        better = better - better.mean(1, keepdim=True)
        rounds = (torch.arange(20) % 2)[:, None].to(plan.place.dtype).expand(len(plan.goal), -1, -1)
        support = Examples(plan.place[:, :20], torch.cat([plan.tried, better, rounds], 2), torch.ones_like(plan.place[:, :20, 0]))
        ones = torch.ones_like(plan.place[:, 20:, :1])
        return Task(support, Examples(plan.place[:, 20:], torch.cat([right[:, 20:], ones, 0 * ones], 2), ones[..., 0]))


CASES: dict[str, Case] = {
    "PolicyMAML": Case(
        partial(built, learners.PolicyMAML, partial(MLP, 2, (16,), outputs=2), inner_lr=(0.02, 0.01)),
        Steering,
        Training(steps=150, lr=1e-2),
    ),
    "ConditionalNeuralProcess, actions": Case(
        partial(
            built,
            learners.ConditionalNeuralProcess,
            partial(MLP, 6, (16,), outputs=16),
            partial(MLP, 18, (16,), outputs=2),
            likelihood=PolicyGradient(),
        ),
        Steering,
        Training(steps=150, lr=1e-2),
    ),
}
