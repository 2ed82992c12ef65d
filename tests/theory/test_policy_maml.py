"""Policy gradients and MAML in rounds: the stated formulas, an expected gradient, and what later rounds see."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional import PolicyGradient, advantages
from quickstudy.task import Task


def linear(*weights: float) -> nn.Linear:
    layer = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
    return layer


def rows(generator: torch.Generator, count: int, rounds: int = 1) -> Examples:
    x = torch.randn(count, 2, generator=generator)
    y = torch.randn(count, 3, generator=generator)
    y[:, -1] = torch.arange(count) % rounds
    return Examples(x, y, torch.ones(count))


def slope(theta: Tensor, seen: Examples, deviation: float) -> Tensor:
    """``−1/S Σ A (a − θ x) x / d²``, by hand."""
    off = seen.y[:, :1] - seen.x @ theta.mT
    return -(seen.y[:, 1:2] * off * seen.x).mean(0, keepdim=True) / deviation**2


def test_each_round_is_a_step_on_what_it_met() -> None:
    generator = torch.Generator().manual_seed(0)
    learner = learners.PolicyMAML(linear(0.3, -0.2), inner_lr=(0.4, 0.1), likelihood=PolicyGradient(deviation=0.7))
    support = rows(generator, 10, rounds=2)
    theta = torch.tensor([[0.3, -0.2]])
    for number, rate in enumerate((0.4, 0.1)):
        theta = theta - rate * slope(theta, support[support.y[:, -1] == number], 0.7)
    torch.testing.assert_close(learner.adapt(support).weights["weight"].detach(), theta)


def test_the_outer_gradient_goes_through_the_steps_and_their_sizes() -> None:
    """``θ' = θ − α (H θ − b)``, so ``∂L_Q/∂θ = (I − α H)ᵀ L_Q'(θ')`` and ``∂L_Q/∂log α = −α L_Q'(θ') · ∇L_S(θ)``."""
    generator = torch.Generator().manual_seed(1)
    support, query = rows(generator, 8), rows(generator, 6)
    learner = learners.PolicyMAML(linear(0.5, 0.1), inner_lr=(0.2,), likelihood=PolicyGradient(deviation=1.0))
    learner.objective(Task(support, query)).backward()  # type: ignore[no-untyped-call]
    theta = torch.tensor([[0.5, 0.1]])
    inner = slope(theta, support, 1.0)
    outer = slope(theta - 0.2 * inner, query, 1.0)
    curvature = (support.y[:, 1:2, None] * support.x[:, :, None] * support.x[:, None]).mean(0)
    weights = dict(learner.named_parameters())
    torch.testing.assert_close(weights["network.weight"].grad, outer @ (torch.eye(2) - 0.2 * curvature))
    torch.testing.assert_close(weights["log_rates"].grad, -(0.2 * outer * inner).sum()[None])


def test_a_round_that_is_not_there_changes_nothing() -> None:
    learner = learners.PolicyMAML(linear(0.5, 0.1), inner_lr=(0.2, 0.2, 0.2))
    none = Examples(torch.zeros(0, 2), torch.zeros(0, 3), torch.zeros(0))
    assert learner.adapt(none).weights["weight"].equal(learner.network.get_parameter("weight"))
    support = rows(torch.Generator().manual_seed(2), 6)
    one = learners.PolicyMAML(linear(0.5, 0.1), inner_lr=(0.2,))
    assert learner.adapt(support).weights["weight"].equal(one.adapt(support).weights["weight"])


def test_on_average_it_is_the_gradient_of_the_expected_return() -> None:
    """One step, reward ``−(a − 1)²``: the gradient of the expected return over the mean is ``2 (1 − μ)``."""
    generator, mean, deviation = torch.Generator().manual_seed(3), torch.tensor(0.2, requires_grad=True), 0.5
    action = 0.2 + deviation * torch.randn(400_000, 1, generator=generator)
    reward = -(action - 1).square()
    y = torch.cat([action, reward - reward.mean()], 1)
    PolicyGradient(deviation=deviation).each(mean.expand(len(y), 1), y).mean().backward()  # type: ignore[no-untyped-call]
    assert mean.grad is not None and abs(-mean.grad.item() - 1.6) < 0.03


def test_advantages_are_what_a_linear_baseline_leaves() -> None:
    """Rewards that time alone explains have no advantage; one better run has."""
    generator = torch.Generator().manual_seed(4)
    seen, real = torch.randn(2, 5, 6, 2, generator=generator), torch.ones(2, 5, 6)
    reward = torch.randn(2, 5, 6, generator=generator)
    found = advantages(reward, seen, real, discount=0.9)
    torch.testing.assert_close(found.mean((1, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.square().mean((1, 2)), torch.ones(2), atol=1e-3, rtol=0)
    left = sum(0.9**t * reward[0, 0, t] for t in range(6))
    time = torch.linspace(0, 1, 6)[:, None] ** torch.arange(4)
    features = torch.cat([seen[0], seen[0].square(), time.expand(5, -1, -1)], -1).view(30, 8)
    goes_on = torch.stack([sum(0.9**k * reward[0, :, t + k] for k in range(6 - t)) for t in range(6)], 1)  # type: ignore[arg-type]
    assert torch.isclose(goes_on[0, 0], torch.as_tensor(left))
    fitted = torch.linalg.solve(features.mT @ features + 1e-3 * torch.eye(8), features.mT @ goes_on.view(30, 1))
    rest = (goes_on.view(30, 1) - features @ fitted)[:, 0]
    rest = (rest - rest.mean()) / rest.std(unbiased=False)
    torch.testing.assert_close(found[0].flatten(), rest, atol=1e-4, rtol=1e-4)


def test_steps_after_the_end_of_a_run_count_for_nothing() -> None:
    generator = torch.Generator().manual_seed(5)
    seen, reward = torch.randn(1, 4, 6, 2, generator=generator), torch.randn(1, 4, 6, generator=generator)
    real = torch.ones(1, 4, 6)
    real[0, 1, 3:] = reward[0, 1, 3:] = 0
    found = advantages(reward, seen, real)
    elsewhere = torch.where(real[..., None] > 0, seen, 7.0)
    torch.testing.assert_close(advantages(reward, elsewhere, real), found)
    assert not found[0, 1, 3:].any()


@pytest.mark.parametrize("rates", [(), (0.1, 0.0), (float("nan"),), ("fast",)])
def test_what_cannot_be_built(rates: Any) -> None:
    with pytest.raises(LearnerError, match="inner_lr"):
        learners.PolicyMAML(nn.Linear(2, 1), inner_lr=rates)


def test_targets_without_an_advantage_are_refused() -> None:
    with pytest.raises(ShapeError, match="then its advantage"):
        PolicyGradient().each(torch.zeros(2, 2), torch.zeros(2, 2))
