"""Optimization-based learners on quadratic tasks, in closed form.

Linear regression without noise is a quadratic task: with Gaussian likelihood of variance 1, inputs X (n, d) and targets
X c, the mean loss is ``L_c(θ) = ½ (θ − c)ᵀ H (θ − c)`` with ``H = XᵀX / n``. Below A = I − αH.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners, train
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.functional import SGD
from quickstudy.likelihood import Gaussian
from quickstudy.tasks import Plan, TaskSource

D, TASKS, ALPHA = 4, 3, 0.3
Initialisation = learners.MAML | learners.Reptile
UNIT = Gaussian(variance=1.0)


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    """After every test the default of before is restored by `seeded`."""
    torch.set_default_dtype(torch.float64)


@dataclass(frozen=True)
class Quadratics:
    """B tasks: curvatures H (B, D, D) and minima c (B, D) of support and query."""

    support_h: Tensor
    support_c: Tensor
    query_h: Tensor
    query_c: Tensor

    def tasks(self) -> Task:
        return Task(side(self.support_h, self.support_c), side(self.query_h, self.query_c))


def side(h: Tensor, c: Tensor) -> Examples:
    """Examples whose mean loss is ½ (θ − c)ᵀ H (θ − c): X = √n Lᵀ where H = L Lᵀ."""
    x = D**0.5 * torch.linalg.cholesky(h).mT
    y = x @ c[..., None]
    return Examples(x, y, torch.ones(y.shape[:-1]))


def curvature() -> Tensor:
    root = torch.randn(D, D)
    return root @ root.mT / D + 0.2 * torch.eye(D)


def same_split() -> Quadratics:
    """Support = query, one curvature."""
    h = curvature().expand(TASKS, D, D)
    c = torch.randn(TASKS, D)
    return Quadratics(h, c, h, c)


def split() -> Quadratics:
    """Everything differs, between tasks and between support and query."""
    curvatures = torch.stack([curvature() for _ in range(2 * TASKS)])
    return Quadratics(curvatures[:TASKS], torch.randn(TASKS, D), curvatures[TASKS:], torch.randn(TASKS, D))


def power(h: Tensor, steps: int) -> Tensor:
    powered: Tensor = torch.linalg.matrix_power(torch.eye(D) - ALPHA * h, steps)
    return powered


def gradient(learner: Initialisation, quadratics: Quadratics, strategy: Strategy) -> Tensor:
    meta_gradient(learner.train(), quadratics.tasks(), strategy=strategy)
    (weight,) = learner.parameters()
    assert weight.grad is not None
    return weight.grad[0]


def theta(learner: nn.Module) -> Tensor:
    (weight,) = learner.parameters()
    return weight.detach()[0]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12)


def maml(steps: int, *, first_order: bool = False, test_steps: int | None = None) -> learners.MAML:
    network = nn.Linear(D, 1, bias=False)
    return learners.MAML(
        network, inner_lr=ALPHA, inner_steps=steps, test_steps=test_steps, first_order=first_order, likelihood=UNIT
    )


def reptile(steps: int) -> learners.Reptile:
    network = nn.Linear(D, 1, bias=False)
    return learners.Reptile(network, rule=SGD(ALPHA), inner_steps=steps, inner_batch=2 * D, test_steps=steps, likelihood=UNIT)


both = pytest.mark.parametrize("strategy", ["loop", "vmap"])
steps = pytest.mark.parametrize("steps", [0, 1, 2, 5])


def test_the_tasks_are_the_quadratics() -> None:
    quadratics = split()
    for n in range(TASKS):
        examples = quadratics.tasks()[n].query
        point = torch.randn(D)
        gap = point - quadratics.query_c[n]
        constant = UNIT.nll(examples.y, examples.y, examples.mask)
        loss = UNIT.nll(examples.x @ point[:, None], examples.y, examples.mask) - constant
        close(loss, gap @ quadratics.query_h[n] @ gap / 2)


@steps
def test_adapted_weights(steps: int) -> None:
    quadratics = split()
    adapting: list[Any] = [maml(9, test_steps=steps).eval(), maml(steps).train(), reptile(max(steps, 1)).eval()]
    for learner, taken in zip(adapting, [steps, steps, max(steps, 1)], strict=True):
        for n in range(TASKS):
            state = learner.adapt(quadratics.tasks()[n].support)
            c = quadratics.support_c[n]
            close(state.weights["weight"][0].detach() - c, power(quadratics.support_h[n], taken) @ (theta(learner) - c))


@both
@steps
def test_maml_gradient(steps: int, strategy: Strategy) -> None:
    learner, quadratics = maml(steps), same_split()
    gap = theta(learner) - quadratics.query_c.mean(0)
    h = quadratics.query_h[0]
    close(gradient(learner, quadratics, strategy), power(h, 2 * steps) @ h @ gap)


@both
@steps
def test_maml_gradient_with_a_query_set_of_its_own(steps: int, strategy: Strategy) -> None:
    learner, quadratics = maml(steps), split()
    expected = torch.zeros(D)
    for n in range(TASKS):
        a = power(quadratics.support_h[n], steps)
        adapted = quadratics.support_c[n] + a @ (theta(learner) - quadratics.support_c[n])
        expected += a.mT @ quadratics.query_h[n] @ (adapted - quadratics.query_c[n]) / TASKS
    close(gradient(learner, quadratics, strategy), expected)


@both
@steps
def test_first_order_maml_gradient(steps: int, strategy: Strategy) -> None:
    learner, quadratics = maml(steps, first_order=True), same_split()
    gap = theta(learner) - quadratics.query_c.mean(0)
    h = quadratics.query_h[0]
    close(gradient(learner, quadratics, strategy), power(h, steps) @ h @ gap)


@both
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_reptile_direction(steps: int, strategy: Strategy) -> None:
    learner, quadratics = reptile(steps), same_split()
    gap = theta(learner) - quadratics.query_c.mean(0)
    close(gradient(learner, quadratics, strategy), (torch.eye(D) - power(quadratics.query_h[0], steps)) @ gap)


kinds = pytest.mark.parametrize(
    "make", [maml, partial(maml, first_order=True), reptile], ids=["MAML", "first-order MAML", "Reptile"]
)


@both
@kinds
def test_the_mean_of_the_minima_is_stationary(make: Callable[[int], Any], strategy: Strategy) -> None:
    learner, quadratics = make(2), same_split()
    with torch.no_grad():
        theta(learner).copy_(quadratics.query_c.mean(0))
    assert gradient(learner, quadratics, strategy).abs().max() < 1e-12


@dataclass(frozen=True)
class Numbers(Plan):
    """Which of the fixed tasks."""

    number: Tensor


class Fixed(TaskSource[Numbers]):
    """The same few quadratic tasks in every step."""

    likelihood = Gaussian()

    def __init__(self, quadratics: Quadratics) -> None:
        self.tasks = quadratics.tasks()

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Numbers:
        return Numbers(torch.arange(batch) % len(self.tasks))

    def gather(self, plan: Numbers) -> Task:
        return self.tasks[plan.number]


@kinds
def test_meta_training_finds_the_mean_of_the_minima(make: Callable[[int], Any]) -> None:
    learner, quadratics = make(1), same_split()
    size = 1.0 / float(torch.linalg.eigvalsh(quadratics.query_h[0]).max())
    optimizer = torch.optim.SGD(learner.parameters(), size)
    losses = [r.loss for r in train(learner, Fixed(quadratics), steps=150, batch=TASKS, optimizer=optimizer)]
    torch.testing.assert_close(theta(learner), quadratics.query_c.mean(0), rtol=1e-3, atol=1e-3)
    assert losses[-1] <= losses[0]
