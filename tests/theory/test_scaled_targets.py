"""Learners of values in their targets' own unit: what is computed is the same in any unit."""

import torch
from torch import nn

from quickstudy import Examples, learners
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Task

X, Y = torch.randn(9, 3, dtype=torch.float64), torch.randn(9, 1, dtype=torch.float64)


def maml() -> learners.MAML:
    torch.manual_seed(0)
    return learners.MAML(MLP(3, (8,), outputs=1), inner_lr=0.05, inner_steps=2, likelihood=Gaussian()).double()


def test_predictions_are_those_of_scaled_targets_in_the_own_unit() -> None:
    plain, scaled = maml(), learners.ScaledTargets(maml(), mean=120.0, deviation=20.0)
    wanted = 120 + 20 * plain(Examples.of(X[:5], Y[:5]))(X[5:])
    found = scaled(Examples.of(X[:5], 120 + 20 * Y[:5]))(X[5:])
    assert torch.allclose(found, wanted, rtol=1e-9)


def test_the_objective_is_in_units_of_the_deviation() -> None:
    def task(low: float, times: float) -> Task:
        return Task(Examples.of(X[:5], low + times * Y[:5]), Examples.of(X[5:], low + times * Y[5:]))

    plain, scaled = maml().train(), learners.ScaledTargets(maml(), mean=-3.0, deviation=0.01).train()
    assert torch.allclose(scaled.objective(task(-3.0, 0.01)), plain.objective(task(0.0, 1.0)), rtol=1e-9)


def test_ridge_without_a_penalty_does_not_depend_on_the_unit() -> None:
    features = nn.Linear(3, 3).double()
    plain = learners.R2D2(features, penalty=1e-9, likelihood=Gaussian()).double()
    scaled = learners.ScaledTargets(plain, mean=0.0, deviation=50.0)
    support = Examples.of(X[:7], Y[:7])
    assert torch.allclose(scaled(support)(X[7:]), plain(support)(X[7:]), atol=1e-6)
