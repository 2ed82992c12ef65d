"""Inner steps that are computed twice give the same numbers, and hold fewer tensors."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import meta_gradient
from quickstudy.execution.footprint import peak_of
from quickstudy.functional import SGD, Adam, descend
from quickstudy.functional.checkpointing import checkpointed, checkpointing, repeated
from quickstudy.functional.unroll import Rule, Weights
from quickstudy.learner import Learner
from quickstudy.nn import MLP, GatedDescent, InputContext
from quickstudy.task import stack_tasks

WIDE = 6


def body() -> nn.Module:
    return nn.Sequential(nn.Linear(WIDE, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Dropout(0.3), nn.Linear(12, 3))


MAKERS: dict[str, Callable[[], Learner[Any]]] = {
    "MAML": lambda: learners.MAML(body(), inner_lr=0.3, inner_steps=7),
    "MetaSGD": lambda: learners.MetaSGD(body(), inner_steps=7),
    "MetaCurvature": lambda: learners.MetaCurvature(body(), inner_steps=7),
    "ANIL": lambda: learners.ANIL(MLP(WIDE, (12,)), nn.Linear(12, 3), inner_steps=7),
    "CAVIA": lambda: learners.CAVIA(InputContext(MLP(WIDE + 4, (12,), outputs=3), 4), inner_steps=7),
    "MetaLSTM": lambda: learners.MetaLSTM(body(), GatedDescent(4), inner_steps=7),
}


def tasks() -> Task:
    generator = torch.Generator().manual_seed(0)

    def examples(rows: int) -> Examples:
        return Examples.of(torch.randn(rows, WIDE, generator=generator).double(), torch.arange(rows) % 3)

    return stack_tasks([Task(examples(6), examples(9)) for _ in range(2)])


@pytest.mark.parametrize("name", MAKERS)
def test_meta_gradients_are_the_same_in_double_precision(name: str) -> None:
    """Second order, norms and dropout included; what an encoder gave them gets its gradient, too."""
    torch.manual_seed(3)
    learner = MAKERS[name]().double().train()
    grads = []
    for checkpoint in (False, True):
        torch.manual_seed(5)
        learner.zero_grad()
        losses = meta_gradient(learner, tasks(), strategy="loop", checkpoint=checkpoint)
        grads.append([losses, *[p.grad for p in learner.parameters() if p.grad is not None], torch.rand(1)])
    assert len(grads[0]) > 2 and any(bool(g.any()) for g in grads[0][1:-1])
    for plain, spared in zip(*grads, strict=True):
        torch.testing.assert_close(spared, plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", [SGD(0.2), Adam(0.05)], ids=["SGD", "Adam"])
@pytest.mark.parametrize("steps", [0, 1, 2, 9, 20])
def test_each_step_is_computed_twice_at_most(rule: Rule, steps: int) -> None:
    found, calls = [], 0

    def loss(weights: Weights) -> Tensor:
        nonlocal calls
        calls += 1
        return ((weights["w"] @ other).tanh() ** 2).sum()

    for on in (False, True):
        generator, calls = torch.Generator().manual_seed(1), 0
        start, other = (torch.randn(5, 5, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
        with checkpointing(on):
            end = descend(loss, {"w": start}, rule=rule, steps=steps)["w"]
        found.append((end, *torch.autograd.grad(end.sin().sum(), [start, other], allow_unused=True, materialize_grads=True)))
        assert calls <= (2 * steps if on else steps)
    for plain, spared in zip(*found, strict=True):
        assert torch.equal(plain, spared)


def unrolled(steps: int, on: bool) -> Callable[[], None]:
    weight = torch.randn(40, 40).requires_grad_()
    x = torch.randn(200, 40)

    def work() -> None:
        with checkpointing(on):
            end = descend(lambda w: ((x @ w["w"]).tanh() ** 2).mean(), {"w": weight}, rule=SGD(0.1), steps=steps)["w"]
        torch.autograd.grad((x @ end).sum(), weight)

    return work


def test_memory_grows_with_the_root_of_the_steps() -> None:
    """Counted bytes: four times the steps is four times the memory, or twice when it is spared; all of it is free again."""
    plain, spared = ([peak_of(unrolled(steps, on)) for steps in (16, 64)] for on in (False, True))
    assert 3.5 < plain[1] / plain[0] < 4.2
    assert 1.4 < spared[1] / spared[0] < 2.3
    assert spared[1] < plain[1] / 4
    work = unrolled(16, True)
    gc.collect()
    before = sum(type(thing) is Tensor for thing in gc.get_objects())
    gc.disable()
    try:
        work()
        assert sum(type(thing) is Tensor for thing in gc.get_objects()) <= before, "tensors wait for the collector"
    finally:
        gc.enable()


def test_without_gradients_nothing_is_computed_twice() -> None:
    calls = 0

    def step(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return x.exp()

    with checkpointing(), torch.no_grad():
        repeated(step, torch.zeros(1), 4)
    assert calls == 4
    learner = learners.MAML(body(), inner_steps=4, first_order=True).double().train()
    meta_gradient(learner, tasks(), checkpoint=True)


def test_what_does_not_go_together_is_told() -> None:
    for options in ({"strategy": "vmap"}, {"compile": True}):
        with pytest.raises(LearnerError, match="checkpoint=True runs tasks in a loop"):
            meta_gradient(learners.MAML(body()).double().train(), tasks(), checkpoint=True, **options)
    calls = 0

    def fickle(x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return x.exp() if calls == 1 else x + 1

    x = torch.ones(1, requires_grad=True)
    with pytest.raises(LearnerError, match="computed different tensors the second time"):
        checkpointed(fickle, x).sum().backward()
