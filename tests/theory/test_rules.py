"""Descent rules against torch.optim, and what `gradient` and `descend` differentiate through."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy.functional import SGD, Adam, descend, gradient
from quickstudy.functional.unroll import Rule, Weights, mapped
from theory.differences import deviation


def problem() -> tuple[nn.Module, Callable[[Weights], Tensor]]:
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    x, y = torch.randn(10, 3, dtype=torch.float64), torch.randn(10, 2, dtype=torch.float64)
    return network, lambda weights: ((torch.func.functional_call(network, weights, (x,)) - y) ** 2).mean()


def named(network: nn.Module) -> Weights:
    return dict(network.named_parameters())


@pytest.mark.parametrize("steps", [1, 25])
@pytest.mark.parametrize(
    ("rule", "optimizer"),
    [
        (SGD(0.3), lambda weights: torch.optim.SGD(weights, 0.3)),
        (Adam(0.01), lambda weights: torch.optim.Adam(weights, 0.01)),
        (Adam(0.05, (0.0, 0.999)), lambda weights: torch.optim.Adam(weights, 0.05, (0.0, 0.999))),
        (Adam(0.05, (0.8, 0.95), 1e-4), lambda weights: torch.optim.Adam(weights, 0.05, (0.8, 0.95), 1e-4)),
    ],
    ids=["SGD", "Adam", "Adam without momentum", "Adam with other constants"],
)
def test_a_rule_is_torch_optim(rule: Rule, optimizer: Callable[[list[Tensor]], Any], steps: int) -> None:
    network, loss = problem()
    mine = descend(loss, {name: w.detach() for name, w in named(network).items()}, rule=rule, steps=steps)
    theirs = optimizer(list(network.parameters()))
    for _ in range(steps):
        theirs.zero_grad()
        torch.autograd.backward(loss(named(network)))
        theirs.step()
    for name, weight in named(network).items():
        torch.testing.assert_close(mine[name], weight.detach(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", [SGD(0.3), Adam(0.02), Adam(0.02, (0.0, 0.99))], ids=repr)
def test_descent_is_differentiable_twice(rule: Rule) -> None:
    network, loss = problem()
    weights = named(network)

    def outer() -> Tensor:
        return loss(descend(loss, weights, rule=rule, steps=3))

    grads = torch.autograd.grad(outer(), list(weights.values()))
    assert deviation(lambda: float(outer().detach()), list(weights.values()), grads) < 1e-5


def test_adam_passes_finite_gradients_through_an_exact_zero() -> None:
    weights = {"used": torch.tensor([1.0], requires_grad=True), "unused": torch.tensor([1.0], requires_grad=True)}

    def loss(weights: Weights) -> Tensor:
        return (weights["used"] ** 2).sum() + 0 * weights["unused"].sum()

    end = descend(loss, weights, rule=Adam(0.1, (0.0, 0.999)), steps=2)
    grads = torch.autograd.grad(torch.cat(list(end.values())).sum(), list(weights.values()))
    assert all(torch.isfinite(g).all() for g in grads) and grads[1] == 1


@pytest.mark.parametrize("by_vmap", [False, True])
def test_gradient(by_vmap: bool) -> None:
    weights = {"a": torch.tensor([2.0], requires_grad=True), "b": torch.tensor([1.0], requires_grad=True)}

    def loss(weights: Weights) -> Tensor:
        return (weights["a"] ** 3).sum()

    with mapped(by_vmap):
        found = gradient(loss, weights)
        assert found["a"].item() == 12 and found["b"].item() == 0
        assert torch.autograd.grad(found["a"].sum(), weights["a"])[0].item() == 12
        assert not gradient(loss, weights, first_order=True)["a"].requires_grad
        with torch.no_grad():
            still = gradient(loss, weights)
            assert still["a"].item() == 12 and not still["a"].requires_grad
    assert all(w.grad is None for w in weights.values())


def test_first_order_takes_the_inner_gradient_as_a_constant() -> None:
    start = {"a": torch.tensor([2.0], requires_grad=True)}
    for first_order, expected in ((True, 1.0), (False, 1 - 0.1 * 12)):
        end = descend(lambda w: (w["a"] ** 3).sum(), start, rule=SGD(0.1), steps=1, first_order=first_order)
        assert end["a"].item() == pytest.approx(0.8)
        assert torch.autograd.grad(end["a"].sum(), start["a"])[0].item() == pytest.approx(expected)
