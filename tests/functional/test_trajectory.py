"""Inner loops between their steps: the first snapshot is the network as it is, the last what `adapt` returns, exactly."""

from typing import Any

import pytest
import torch
from torch import Tensor

from contract.cases import CASES
from quickstudy import learners
from quickstudy.execution.batching import encode_tasks, over_tasks
from quickstudy.functional.checkpointing import repeated
from quickstudy.functional.trajectory import marks, trajectory
from quickstudy.functional.tree import leaves
from quickstudy.functional.unroll import SGD, Weights, descend
from quickstudy.learner import Learner
from quickstudy.nn import MLP
from quickstudy.nn.fast import FastWeights, apply, weights_of
from quickstudy.task import Examples, Task
from quickstudy.wrapper import LearnerWrapper

WITH_INNER_STEPS = [
    "MAML",
    "CAVIA",
    "IMAML",
    "MAMLPlusPlus",
    "Reptile",
    "LearnedOptimizer",
    "MetaLSTM",
    "ANIL",
    "BOIL",
    "MetaSGD",
    "MetaCurvature",
    "ProtoMAML",
    "LEO",
    "FromScratch",
    "FineTune",
]


def encoded(learner: Learner[Any], name: str) -> Task:
    with torch.no_grad():
        return encode_tasks(learner, CASES[name].source().sample(2))


@pytest.mark.parametrize("name", CASES)
def test_the_last_stage_is_what_adapt_returns(name: str) -> None:
    learner = CASES[name].make().eval()
    task = encoded(learner, name)[0]
    before = {key: value.clone() for key, value in learner.state_dict().items()}
    with torch.no_grad():
        found, adapted = list(learner.trajectory(task.support)), learner.adapt(task.support)
    assert all(torch.equal(a, b) for a, b in zip(leaves(found[-1].state), leaves(adapted), strict=True))
    assert found[0].steps == 0 and [snapshot.steps for snapshot in found] == sorted({snapshot.steps for snapshot in found})
    inside = learner
    while isinstance(inside, LearnerWrapper):
        inside = inside.learner
    assert (len(found) > 1) == (type(inside).__name__ in WITH_INNER_STEPS)
    assert [snapshot.gradient_norm is None for snapshot in found] == [True] + [False] * (len(found) - 1)
    assert all(value.equal(before[key]) for key, value in learner.state_dict().items())


@pytest.mark.parametrize("name", [name for name in CASES if name.split(",")[0] in WITH_INNER_STEPS])
def test_before_the_first_step_the_network_is_as_it_is(name: str) -> None:
    learner: Any = CASES[name].make().eval()
    task = encoded(learner, name)[0]
    with torch.no_grad():
        first = next(iter(learner.trajectory(task.support)))
        if isinstance(first.state, FastWeights) and hasattr(learner, "network"):
            own = dict(learner.network.named_parameters())
            untouched = [key for key in first.state.weights if not key.startswith("head.") or "ProtoMAML" not in name]
            if "MAMLPlusPlus" not in name:  # its norms have weights of their own for each step
                assert all(torch.equal(first.state.weights[key], own[key]) for key in untouched)
        if "test_steps" in vars(learner):
            learner.test_steps = 0
            same = learner.adapt(task.support)
            assert all(torch.equal(a, b) for a, b in zip(leaves(first.state), leaves(same), strict=True))


def test_the_first_stage_predicts_as_the_network_does() -> None:
    learner = learners.MAML(MLP(3, (8,), outputs=2), inner_lr=0.5, inner_steps=3).eval()
    support = Examples.of(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))
    x = torch.randn(5, 3)
    with torch.no_grad():
        first = next(iter(learner.trajectory(support)))
        assert torch.equal(learner.predict(first.state, x), learner.network(x))


def test_each_stage_is_an_adaptation_of_so_many_steps() -> None:
    learner = learners.Reptile(MLP(3, (8,), outputs=2), test_steps=25).eval()
    support = Examples.of(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))
    with torch.no_grad():
        found = list(learner.trajectory(support))
        assert [snapshot.steps for snapshot in found] == [0, 1, 2, 5, 10, 20, 25]
        for snapshot in found:
            learner.test_steps = snapshot.steps
            assert all(torch.equal(a, b) for a, b in zip(leaves(snapshot.state), leaves(learner.adapt(support)), strict=True))


def test_gradient_norms_are_those_of_the_step_that_led_there() -> None:
    learner = learners.MAML(MLP(3, (8,), outputs=2), inner_lr=0.5, inner_steps=2).eval()
    support = Examples.of(torch.randn(4, 3), torch.tensor([0, 1, 0, 1]))
    first, second, last = learner.trajectory(support)
    for before, after in ((first, second), (second, last)):
        own = {key: w.detach().requires_grad_() for key, w in before.state.weights.items()}
        loss = torch.nn.functional.cross_entropy(apply(learner.network, own, support.x), support.labels)
        expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(own.values()))]).norm()
        assert after.gradient_norm is not None and torch.allclose(after.gradient_norm, expected)


@pytest.mark.parametrize("name", ["MAML", "CAVIA", "MAMLPlusPlus", "Reptile", "ProtoMAML", "LEO"])
def test_mapped_over_tasks_as_in_a_loop(name: str) -> None:
    learner = CASES[name].make().eval()
    tasks = encoded(learner, name)

    def scores(task: Task) -> Tensor:
        found = [learner.predict(snapshot.state, task.query.x) for snapshot in learner.trajectory(task.support)]
        return torch.stack(found)

    with torch.no_grad():
        assert torch.allclose(over_tasks(scores, tasks, "vmap"), over_tasks(scores, tasks, "loop"), atol=1e-5)


def test_no_step_is_taken_twice_and_loops_follow_one_another() -> None:
    taken: list[str] = []

    def adapt() -> tuple[int, int]:
        def inner(value: int) -> int:
            taken.append("a")
            return repeated(lambda n: n + 1, value, 3)  # a loop within a step belongs to it

        def outer(value: int) -> int:
            taken.append("b")
            return value * 2

        first = repeated(inner, 0, 2)
        return first, repeated(outer, first, 3)

    assert [(snapshot.steps, snapshot.state) for snapshot in trajectory(adapt)] == [
        (0, (0, 0)),
        (1, (3, 3)),
        (2, (6, 6)),
        (3, (6, 12)),
        (4, (6, 24)),
        (5, (6, 48)),
    ]
    assert taken == ["a", "a", "b", "b", "b"]


def test_looking_can_end_early_and_leaves_nothing_behind() -> None:
    def loop() -> Weights:
        return descend(lambda w: (w["a"] ** 2).sum(), {"a": torch.ones(1)}, rule=SGD(0.25), steps=4)

    next(iter(trajectory(loop)))
    assert loop()["a"].item() == 0.5**4


def test_marks_end_with_the_last_step() -> None:
    assert [marks(n) for n in (0, 1, 10, 11, 100)] == [
        [],
        [1],
        list(range(1, 11)),
        [1, 2, 5, 10, 11],
        [1, 2, 5, 10, 20, 50, 100],
    ]


def test_step_sizes_are_those_that_the_inner_loop_takes() -> None:
    network = MLP(3, (8,), outputs=2)
    assert learners.MAML(network).step_sizes() == {}
    sgd = learners.MetaSGD(network, inner_lr=0.3).step_sizes()
    assert list(sgd) == list(weights_of(network)) and all(bool((rate == 0.3).all()) for rate in sgd.values())
    curved = learners.MetaCurvature(network, inner_lr=0.2)
    with torch.no_grad():
        for factor in curved.factors.values():
            factor.copy_(torch.diag(torch.rand(len(factor))))
    scaled = curved._curved({name: torch.ones_like(w) for name, w in weights_of(network).items()})
    assert all(torch.allclose(scaled[name], rate) for name, rate in curved.step_sizes().items())
    plus = learners.MAMLPlusPlus(network, inner_steps=3, inner_lr=0.1)
    assert {name: tuple(rate.shape) for name, rate in plus.step_sizes().items()} == {f"step {t}": (4,) for t in (1, 2, 3)}
    leo = learners.LEO(torch.nn.Identity(), features=8, latent=4)
    assert {name: len(rate) for name, rate in leo.step_sizes().items()} == {"latent": 4, "head": 8}
