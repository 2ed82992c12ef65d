"""iMAML on quadratics, where its minimum and its gradient have closed forms, and on networks against what it approximates."""

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.functional.implicit import ConjugateGradients, Neumann, Solver
from quickstudy.functional.unroll import SGD
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import stack_tasks

D, TASKS, LAMBDA = 4, 3, 1.5
UNIT = Gaussian(variance=1.0)
EXACT = ConjugateGradients(D + 2)

both = pytest.mark.parametrize("strategy", ["loop", "vmap"])


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    torch.set_default_dtype(torch.float64)


def curvature() -> Tensor:
    root = torch.randn(D, D)
    return root @ root.mT / D + 0.2 * torch.eye(D)


def side(h: Tensor, c: Tensor) -> Examples:
    """Examples whose mean loss is ½ (θ − c)ᵀ H (θ − c) plus a constant: X = √n Lᵀ where H = L Lᵀ."""
    x = D**0.5 * torch.linalg.cholesky(h).mT
    return Examples(x, (x @ c)[:, None], torch.ones(D))


def imaml(steps: int = 400, solver: Solver = EXACT) -> learners.IMAML:
    network = nn.Linear(D, 1, bias=False)
    return learners.IMAML(network, strength=LAMBDA, rule=SGD(0.2), inner_steps=steps, solver=solver, likelihood=UNIT)


def theta(learner: nn.Module) -> Tensor:
    (weight,) = learner.parameters()
    return weight.detach()[0]


def gradient(learner: learners.IMAML, tasks: list[Task], strategy: Strategy) -> Tensor:
    learner.zero_grad()
    meta_gradient(learner.train(), stack_tasks(tasks), strategy=strategy)
    (weight,) = learner.parameters()
    assert weight.grad is not None
    return weight.grad[0]


def close(found: Tensor, expected: Tensor, rtol: float = 1e-8) -> None:
    torch.testing.assert_close(found, expected, rtol=rtol, atol=1e-10)


def test_adapted_weights() -> None:
    """``φ* − c = λ (H + λI)⁻¹ (θ − c)``; after T steps of size α the distance to it has shrunk by ``(I − α(H + λI))^T``."""
    h, c = curvature(), torch.randn(D)
    for steps in (1, 3, 400):
        learner = imaml(steps)
        damped = h + LAMBDA * torch.eye(D)
        minimum = c + LAMBDA * torch.linalg.solve(damped, theta(learner) - c)
        left = torch.linalg.matrix_power(torch.eye(D) - 0.2 * damped, steps) @ (theta(learner) - minimum)
        close(learner.adapt(side(h, c)).weights["weight"][0].detach(), minimum + left)


@both
def test_the_gradient_where_support_is_query(strategy: Strategy) -> None:
    """``g = λ² (H + λI)⁻² H (θ − c)``."""
    learner, h = imaml(), curvature()
    centres = torch.randn(TASKS, D)
    found = gradient(learner, [Task(side(h, c), side(h, c)) for c in centres], strategy)
    inverse = torch.linalg.inv(h + LAMBDA * torch.eye(D))
    close(found, LAMBDA**2 * inverse @ inverse @ h @ (theta(learner) - centres.mean(0)))


@both
@pytest.mark.parametrize("steps", [2, 400])
def test_the_gradient_with_a_query_set_of_its_own(steps: int, strategy: Strategy) -> None:
    """``λ (H + λI)⁻¹ H_Q (φ − c_Q)`` at the φ reached, however far it is from the minimum."""
    learner = imaml(steps)
    tasks, expected = [], torch.zeros(D)
    for _ in range(TASKS):
        h, c, query_h, query_c = curvature(), torch.randn(D), curvature(), torch.randn(D)
        tasks.append(Task(side(h, c), side(query_h, query_c)))
        reached = learner.adapt(tasks[-1].support).weights["weight"][0].detach()
        damped = h + LAMBDA * torch.eye(D)
        expected += LAMBDA * torch.linalg.solve(damped, query_h @ (reached - query_c)) / TASKS
    close(gradient(learner, tasks, strategy), expected)


@both
def test_the_neumann_series_converges_to_the_solution(strategy: Strategy) -> None:
    """Where all curvatures lie below λ, by a factor of at most the largest ``h / λ`` a term."""
    h = curvature()
    h = h * (0.6 * LAMBDA / torch.linalg.eigvalsh(h).max())
    tasks = [Task(side(h, torch.randn(D)), side(h, torch.randn(D)))]
    learner = imaml()
    exact = gradient(learner, tasks, strategy)
    errors = []
    for terms in (5, 10, 20, 60):
        learner.solver = Neumann(terms)
        errors.append(float((gradient(learner, tasks, strategy) - exact).norm() / exact.norm()))
    assert all(e <= 2 * 0.6**terms + 1e-9 for e, terms in zip(errors, (5, 10, 20, 60), strict=True)), errors


def small() -> MLP:
    network = MLP(3, (6,), outputs=2)
    network.layers[1] = nn.Tanh()
    return network


def task() -> Task:
    x = torch.randn(9, 3)
    labels = torch.arange(9) % 2
    whole = Examples.of(x + labels[:, None], labels)
    return Task(whole[:4], whole[4:])


@both
def test_the_gradient_of_a_network_equals_that_of_long_unrolling(strategy: Strategy) -> None:
    """Gradient descent on the regularised loss, differentiated step by step, ends at the same gradient."""
    network, tasks = small(), [task(), task()]
    learner = learners.IMAML(network, strength=1.0, rule=SGD(0.4), inner_steps=200, solver=ConjugateGradients(40))
    losses = meta_gradient(learner.train(), stack_tasks(tasks), strategy=strategy)
    weights: dict[str, Tensor] = dict(network.named_parameters())

    def cross_entropy(at: dict[str, Tensor], examples: Examples) -> Tensor:
        return nn.functional.cross_entropy(torch.func.functional_call(network, at, (examples.x,)), examples.labels)

    total = torch.zeros(())
    for each in tasks:
        at = dict(weights)
        for _ in range(80):
            away = sum((((at[name] - weights[name]) ** 2).sum() for name in at), torch.zeros(())) / 2
            grads = torch.autograd.grad(cross_entropy(at, each.support) + away, list(at.values()), create_graph=True)
            at = {name: w - 0.4 * g for (name, w), g in zip(at.items(), grads, strict=True)}
        total = total + cross_entropy(at, each.query) / len(tasks)
    torch.testing.assert_close(losses.mean(), total.detach(), rtol=1e-8, atol=1e-10)
    for mine, theirs in zip(learner.parameters(), torch.autograd.grad(total, list(weights.values())), strict=True):
        torch.testing.assert_close(mine.grad, theirs, rtol=1e-5, atol=1e-8)


def test_dropout_and_a_missing_pull_are_refused() -> None:
    with pytest.raises(LearnerError, match="1 drops units"):
        learners.IMAML(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)))
    with pytest.raises(LearnerError, match="strength"):
        learners.IMAML(nn.Linear(2, 2), strength=0.0)
