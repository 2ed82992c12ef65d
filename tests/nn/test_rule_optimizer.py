"""A learned rule as a torch optimizer: state, groups, schedules, precision."""

import copy

import pytest
import torch
from torch import nn

from quickstudy.errors import LearnerError
from quickstudy.nn import CoordinateLSTM, RuleOptimizer


def rule() -> CoordinateLSTM:
    made = CoordinateLSTM(5)
    nn.init.normal_(made.head.weight)
    return made


def walk(network: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        torch.autograd.backward(((network(torch.eye(3)) - 2) ** 2).mean())
        optimizer.step()


def test_its_state_goes_to_disk_and_back() -> None:
    network, shared = nn.Linear(3, 2), rule()
    optimizer = RuleOptimizer(network.parameters(), shared)
    walk(network, optimizer, 3)
    saved, at = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(network.state_dict())
    walk(network, optimizer, 4)
    again = nn.Linear(3, 2)
    again.load_state_dict(at)
    resumed = RuleOptimizer(again.parameters(), shared)
    resumed.load_state_dict(saved)
    walk(again, resumed, 4)
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    forgetful = RuleOptimizer(again.parameters(), shared)
    again.load_state_dict(at)
    walk(again, forgetful, 4)
    assert not torch.equal(network.weight, again.weight), "the memory matters"


def test_groups_schedules_and_parameters_without_a_gradient() -> None:
    network, spare = nn.Linear(3, 2), nn.Parameter(torch.ones(4))
    still = network.bias.detach().clone()
    groups = [{"params": [network.weight, spare]}, {"params": [network.bias], "lr": 0.0}]
    optimizer = RuleOptimizer(groups, rule(), lr=0.5)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.1)
    before = network.weight.detach().clone()
    walk(network, optimizer, 1)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)
    assert torch.equal(network.bias, still) and bool((spare == 1).all()) and spare not in optimizer.state
    assert bool((network.weight != before).all())


def test_lr_is_a_factor_on_the_learned_step() -> None:
    start, shared, moved = nn.Linear(3, 2), rule(), []
    for lr in (1.0, 0.5):
        network = copy.deepcopy(start)
        walk(network, RuleOptimizer(network.parameters(), shared, lr=lr), 1)
        moved.append(network.weight.detach() - start.weight.detach())
    torch.testing.assert_close(moved[1], moved[0] / 2)
    with pytest.raises(LearnerError, match="1 takes them as they are"):
        RuleOptimizer(start.parameters(), shared, lr=-1.0)


def test_a_closure_is_asked_first() -> None:
    network = nn.Linear(3, 2)
    optimizer = RuleOptimizer(network.parameters(), rule())

    def closure() -> float:
        optimizer.zero_grad()
        loss = (network(torch.eye(3)) ** 2).mean()
        torch.autograd.backward(loss)
        return float(loss.detach())

    before = network.weight.detach().clone()
    assert optimizer.step(closure) > 0 and not torch.equal(network.weight, before)


def test_the_rule_computes_in_its_own_precision() -> None:
    network = nn.Linear(3, 2).bfloat16()
    optimizer = RuleOptimizer(network.parameters(), rule())
    torch.autograd.backward(network(torch.eye(3, dtype=torch.bfloat16)).sum())
    for _ in range(2):
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())  # torch casts states to the parameters' precision
    assert network.weight.dtype == torch.bfloat16 and bool(torch.isfinite(network.weight).all())


def test_a_rule_needs_a_layer() -> None:
    with pytest.raises(LearnerError, match="layers=0 must be a whole number of at least 1"):
        CoordinateLSTM(layers=0)
