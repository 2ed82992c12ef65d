"""The trial of vmap draws random numbers alike both ways, finds wrong numbers beside dropout, says where it could not look."""

import logging
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from contract.cases import INPUTS, few
from quickstudy import Examples, learners
from quickstudy.execution.batching import choose, encode_tasks, meta_gradient, over_tasks
from quickstudy.execution.vmap_safety import same_randomness, unsafe_layer
from quickstudy.learner import Learner
from quickstudy.learners.metric.proto import Prototypes
from quickstudy.nn import Frozen


class Fused(nn.Module):
    """Calls layer norm by its functional form, beside dropout: vmap's second derivatives are wrong without a word."""

    def __init__(self, dropout: float, fused: bool = True) -> None:
        super().__init__()
        self.first, self.drop, self.last, self.fused = nn.Linear(INPUTS, 8), nn.Dropout(dropout), nn.Linear(8, 3), fused
        self.weight, self.bias = nn.Parameter(torch.rand(8) + 0.5), nn.Parameter(torch.randn(8))

    def forward(self, x: Tensor) -> Tensor:
        affine = (self.weight, self.bias) if self.fused else (None, None)
        hidden = nn.functional.layer_norm(self.first(x), (8,), *affine)
        hidden = hidden if self.fused else hidden * self.weight + self.bias
        outputs: Tensor = self.last(self.drop(hidden).tanh())
        return outputs


def maml(network: nn.Module) -> Learner[Any]:
    return learners.MAML(network, inner_lr=1.0, inner_steps=2).train()


def slopes(learner: Learner[Any], strategy: Any) -> Tensor:
    learner.zero_grad()
    torch.manual_seed(0)
    meta_gradient(learner, few().sample(3, torch.Generator().manual_seed(0)), strategy=strategy)
    return torch.cat([p.grad.flatten() for p in learner.parameters() if p.grad is not None])


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_fused_norm_beside_dropout_is_found_and_the_gradient_is_the_loops(
    dropout: float, caplog: pytest.LogCaptureFixture
) -> None:
    learner = maml(Fused(dropout))
    with caplog.at_level(logging.WARNING, "quickstudy"):
        assert torch.equal(slopes(learner, "auto"), slopes(learner, "loop"))
    if dropout:
        assert "numbers under vmap are wrong" in caplog.text or not caplog.records  # said once for each class and number
    else:
        wrong = slopes(learner, "vmap")
        assert float((wrong - slopes(learner, "loop")).norm() / wrong.norm()) > 0.01


def test_dropout_beside_a_sound_norm_stays_under_vmap() -> None:
    assert choose(maml(Fused(0.3, fused=False)), few().sample(2)) == "vmap"


@pytest.mark.parametrize("way", ["vmap", "loop"])
def test_random_numbers_can_be_drawn_alike_for_every_task(way: Any) -> None:
    x, drop = torch.ones(3, 5, 8, dtype=torch.float64), nn.Dropout(0.4)
    with same_randomness(drop) as (rewind, moved):
        assert not moved()
        alone = drop(x[0])
        assert moved()
        assert torch.equal(over_tasks(drop, x, way, rewind=rewind), alone.expand(3, -1, -1))
        assert not torch.equal(over_tasks(drop, x, way)[0], over_tasks(drop, x, way)[1])


class Locked(learners.ProtoNet):
    """Holds what cannot be copied."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__(encoder)
        self.lock = threading.Lock()


class SingleOnly(learners.ProtoNet):
    """Computes in single precision only."""

    def adapt(self, support: Examples) -> Prototypes:
        return super().adapt(support.replace(support.x @ torch.eye(8)))


class OwnNumbers(learners.ProtoNet):
    """Draws from a generator of its own, which nobody can set back."""

    def adapt(self, support: Examples) -> Prototypes:
        noise = torch.randn(support.x.shape, generator=generator, dtype=support.x.dtype)
        return super().adapt(support.replace(support.x + noise))


class Bernoulli(learners.ProtoNet):
    """Draws in a way that vmap cannot draw alike for every task."""

    def adapt(self, support: Examples) -> Prototypes:
        return super().adapt(support.replace(support.x * torch.bernoulli(support.x.sigmoid())))


class NotFinite(learners.ProtoNet):
    """Its prototypes are NaN."""

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) * torch.nan


generator = torch.Generator()

BLIND = {
    Locked: "a copy of it failed (TypeError",
    SingleOnly: "a copy of it in double precision failed (RuntimeError",
    OwnNumbers: "the same tasks and random numbers gave different objectives",
    Bernoulli: "vmap cannot draw its random numbers alike for every task",
    NotFinite: "no number of its objective or gradient is finite",
}


@pytest.mark.parametrize("kind", BLIND, ids=lambda kind: kind.__name__)
def test_a_trial_that_could_not_look_says_so_and_takes_the_loop(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    learner = kind(nn.Linear(INPUTS, 8)).train()
    tasks = few().sample(2)
    with caplog.at_level(logging.WARNING, "quickstudy"):
        assert choose(learner, encode_tasks(learner, tasks)) == "loop"
        assert choose(learner, encode_tasks(learner, tasks)) == "loop"
    assert len(caplog.records) == 1 and BLIND[kind] in caplog.text


def test_what_is_frozen_has_no_derivatives_to_be_wrong() -> None:
    body = nn.Sequential(nn.Linear(INPUTS, 8), nn.BatchNorm1d(8))
    assert "BatchNorm1d" in str(unsafe_layer(OnlyInside(body)))
    assert unsafe_layer(OnlyInside(Frozen(body))) is None
    assert "LSTM" in str(unsafe_layer(OnlyInside(Frozen(nn.LSTM(2, 2)))))


class OnlyInside(Learner[Any]):
    """A network that runs inside of `adapt`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def adapt(self, support: Examples) -> Any:
        return self.network(support.x)

    def predict(self, state: Any, x: Tensor) -> Tensor:
        return x
