"""ANIL, BOIL, Meta-SGD, Meta-Curvature and Proto-MAML against closed forms, plain autograd and each other."""

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.execution.batching import Strategy, encode_tasks, meta_gradient
from quickstudy.functional import gradient
from quickstudy.likelihood import Gaussian
from quickstudy.nn import Conv4
from quickstudy.task import stack_tasks

D, WAYS, ALPHA, STEPS = 5, 3, 0.4, 2
both = pytest.mark.parametrize("strategy", ["loop", "vmap"])


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    """After every test the default of before is restored by `seeded`."""
    torch.set_default_dtype(torch.float64)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def batch(tasks: int = 3, ways: int = WAYS) -> Task:
    def side(rows: int) -> Examples:
        labels = torch.arange(rows) % ways
        return Examples.of(torch.randn(rows, D) + labels[:, None], labels)

    return stack_tasks([Task(side(2 * ways), side(3 * ways)) for _ in range(tasks)])


def body() -> nn.Module:
    return nn.Sequential(nn.Linear(D, 6), nn.Tanh(), nn.Linear(6, 4), nn.Tanh())


def head() -> nn.Module:
    return nn.Linear(4, WAYS)


def joined(first: nn.Module, last: nn.Module) -> nn.Module:
    return nn.Sequential(OrderedDict(body=first, head=last))


def grads(learner: Any, tasks: Task, strategy: Strategy) -> dict[str, Tensor]:
    """The outer gradient by names as in a network of body and head."""
    meta_gradient(learner.train(), tasks, strategy=strategy)
    named = {name.replace("encoder.", "network.body."): p.grad for name, p in learner.named_parameters()}
    return {name.removeprefix("network."): g for name, g in named.items() if g is not None}


def alike(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, g in expected.items():
        close(found[name if name in found else f"head.{name}"], g)


def rated(network: nn.Module, rate: Callable[[str], float]) -> learners.MetaSGD:
    """Meta-SGD with a step size for each weight by its name."""
    learner = learners.MetaSGD(network, inner_steps=STEPS)
    with torch.no_grad():
        for name, rates in learner.rates.items():
            rates.fill_(rate(name.removeprefix("network/")))
    return learner


@both
def test_meta_sgd_with_one_rate_is_maml(strategy: Strategy) -> None:
    network, tasks = joined(body(), head()), batch()
    maml = grads(learners.MAML(network, inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    found = grads(rated(network, lambda name: ALPHA), tasks, strategy)
    assert set(maml) == {name for name in found if not name.startswith("rates.")} and len(found) == 2 * len(maml)
    alike(found, maml)


@both
def test_anil_is_maml_whose_head_alone_moves(strategy: Strategy) -> None:
    """Outer gradients of body and head: those of Meta-SGD with the body's rates at 0, and of MAML with a frozen body."""
    first, last, tasks = body(), head(), batch()
    anil = grads(learners.ANIL(first, last, inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    anil = {name if name.startswith("body.") else f"head.{name.removeprefix('head.')}": g for name, g in anil.items()}
    zeroed = grads(rated(joined(first, last), lambda name: ALPHA * name.startswith("head/")), tasks, strategy)
    alike(anil, {name: g for name, g in zeroed.items() if not name.startswith("rates.")})
    first.requires_grad_(False)
    frozen = grads(learners.MAML(joined(first, last), inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    assert set(frozen) == {"head.weight", "head.bias"}
    alike(anil, frozen)


@both
def test_boil_is_maml_whose_body_alone_moves(strategy: Strategy) -> None:
    first, last, tasks = body(), head(), batch()
    boil = grads(learners.BOIL(first, last, inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    zeroed = grads(rated(joined(first, last), lambda name: ALPHA * name.startswith("body/")), tasks, strategy)
    alike(boil, {name: g for name, g in zeroed.items() if not name.startswith("rates.")})
    last.requires_grad_(False)
    frozen = grads(learners.MAML(joined(first, last), inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    assert set(frozen) == {name for name in boil if name.startswith("body.")}
    alike(boil, frozen)


def test_each_remembers_the_part_that_moves() -> None:
    support = batch()[0].support
    first, last = body(), head()
    anil, boil = learners.ANIL(first, last, inner_lr=ALPHA), learners.BOIL(first, last, inner_lr=ALPHA)
    before = {name: w.clone() for name, w in boil.network.named_parameters()}
    state = boil.adapt(support)
    assert set(state.weights) == {name for name in before if name.startswith("body.")}
    assert all(not state.weights[name].equal(before[name]) for name in state.weights)
    assert set(anil.adapt(support.replace(anil.encode(support.x))).weights) == {"weight", "bias"}
    close(anil.encode(support.x), first(support.x))
    assert anil.encodes and not boil.encodes


def test_anil_encodes_all_tasks_in_one_call() -> None:
    calls = []
    encoder = body()
    encoder.register_forward_hook(lambda module, given, out: calls.append(len(given[0])))
    learner, tasks = learners.ANIL(encoder, head()), batch()
    encode_tasks(learner, tasks)
    assert calls == [tasks.support.mask.numel() + tasks.query.mask.numel()]


def quadratic(h: Tensor, c: Tensor) -> Examples:
    """Examples whose mean loss under a linear layer is ½ (θ − c)ᵀ H (θ − c): X = √n Lᵀ where H = L Lᵀ."""
    x = len(c) ** 0.5 * torch.linalg.cholesky(h).mT
    y = x @ c[:, None]
    return Examples(x, y, torch.ones(len(y)))


UNIT = Gaussian(variance=1.0)
MINIMUM = 0.5 * math.log(2 * math.pi)


def test_meta_sgd_solves_a_diagonal_quadratic_in_one_step() -> None:
    """α_j = 1 / H_jj reaches the minimum; there the outer gradient by θ is 0, and so is that by α."""
    h, c = torch.tensor([0.5, 1.0, 2.0, 10.0]), torch.randn(4)
    learner = learners.MetaSGD(nn.Linear(4, 1, bias=False), likelihood=UNIT).train()
    with torch.no_grad():
        learner.rates["network/weight"].copy_(1 / h)
    support = quadratic(h.diag(), c)
    close(learner.adapt(support).weights["weight"][0].detach(), c)
    loss = meta_gradient(learner, stack_tasks([Task(support, support)]))
    close(loss, torch.tensor([MINIMUM]))
    assert all(p.grad is not None and float(p.grad.abs().max()) < 1e-12 for p in learner.parameters())


def test_meta_sgd_gradient_by_the_rates() -> None:
    """``∂L_Q(θ − α ⊙ g) / ∂α = −g ⊙ ∇L_Q``, on quadratics written out."""
    (h, k), (c, d) = [torch.cov(torch.randn(4, 9)) for _ in range(2)], torch.randn(2, 4)
    learner = learners.MetaSGD(nn.Linear(4, 1, bias=False), inner_lr=0.2, likelihood=UNIT).train()
    theta = next(learner.network.parameters()).detach()[0]
    g = h @ (theta - c)
    outer = k @ (theta - 0.2 * g - d)
    meta_gradient(learner, stack_tasks([Task(quadratic(h, c), quadratic(k, d))]))
    weight, rates = next(learner.network.parameters()), learner.rates["network/weight"]
    assert weight.grad is not None and rates.grad is not None
    close(rates.grad[0], -g * outer)
    close(weight.grad[0], (torch.eye(4) - 0.2 * h) @ outer)


@both
def test_meta_curvature_starts_as_maml(strategy: Strategy) -> None:
    network, tasks = joined(body(), head()), batch()
    maml = grads(learners.MAML(network, inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    found = grads(learners.MetaCurvature(network, inner_lr=ALPHA, inner_steps=STEPS), tasks, strategy)
    alike(found, maml)
    assert len(found) == len(maml) + 3 * len(maml) // 2  # two factors for each matrix, one for each bias


def test_meta_curvature_with_the_inverse_hessian_takes_newtons_step() -> None:
    h, c = torch.cov(torch.randn(4, 9)), torch.randn(4)
    learner = learners.MetaCurvature(nn.Linear(4, 1, bias=False), inner_lr=0.5, likelihood=UNIT)
    with torch.no_grad():
        learner.factors["weight/1"].copy_(2 * torch.linalg.inv(h))
    close(learner.adapt(quadratic(h, c)).weights["weight"][0].detach(), c)


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.Conv1d, nn.Linear, nn.Bilinear])
def test_meta_curvature_is_a_kronecker_product(layer: Any) -> None:
    learner = learners.MetaCurvature(layer(3, 4) if layer is nn.Linear else layer(3, 4, 2), inner_lr=ALPHA)
    with torch.no_grad():
        for factor in learner.factors.values():
            factor.add_(0.3 * torch.randn_like(factor))
    g = {name: torch.randn_like(w) for name, w in learner.network.named_parameters()}
    curved = learner._curved(g)
    for name, given in g.items():
        whole = torch.ones(1, 1)
        for key, factor in learner.factors.items():
            if key.startswith(name):
                whole = torch.kron(whole, factor)
        close(curved[name].flatten(), ALPHA * whole @ given.flatten())


@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_proto_maml_without_steps_is_protonet(scale: float) -> None:
    network, task = body(), batch()[0]
    mine = learners.ProtoMAML(network, inner_steps=0, scale=scale)
    theirs = learners.ProtoNet(network, scale=scale)
    close(mine(task.support).probabilities(task.query.x), theirs(task.support).probabilities(task.query.x))


@both
def test_proto_maml_without_steps_has_protonets_outer_gradient(strategy: Strategy) -> None:
    network, tasks = body(), batch()
    mine = grads(learners.ProtoMAML(network, inner_steps=0), tasks, strategy)
    theirs = learners.ProtoNet(network)
    meta_gradient(theirs.train(), tasks, strategy=strategy)
    alike(mine, {f"body.{name}": p.grad for name, p in network.named_parameters() if p.grad is not None})


@both
def test_proto_maml_is_a_linear_head_that_descends_with_the_body(strategy: Strategy) -> None:
    """Written out with plain autograd; inner gradients by the body are partial: the head is held fixed while it is asked."""
    network, task = body(), batch(1)
    weights: dict[str, Tensor] = dict(network.named_parameters())
    support, query = task[0].support, task[0].query

    def features(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(network, weights, (x,))
        return found

    z = features(weights, support.x)
    means = torch.stack([z[support.labels == n].mean(0) for n in range(WAYS)])
    theta, w, b = weights, 2 * means, -(means**2).sum(1)
    for _ in range(STEPS):
        at = {name: t.view_as(t) for name, t in theta.items()}
        v, c = w.view_as(w), b.view_as(b)
        loss = nn.functional.cross_entropy(features(at, support.x) @ v.mT + c, support.labels)
        *steps, dv, dc = torch.autograd.grad(loss, [*at.values(), v, c], create_graph=True)
        theta = {name: t - ALPHA * g for (name, t), g in zip(theta.items(), steps, strict=True)}
        w, b = w - ALPHA * dv, b - ALPHA * dc
    outer = nn.functional.cross_entropy(features(theta, query.x) @ w.mT + b, query.labels)
    expected = torch.autograd.grad(outer, list(weights.values()))
    found = grads(learners.ProtoMAML(network, inner_lr=ALPHA, inner_steps=STEPS), task, strategy)
    for mine, theirs in zip(found.values(), expected, strict=True):
        close(mine, theirs)


def test_proto_maml_takes_any_number_of_ways() -> None:
    learner = learners.ProtoMAML(body(), inner_lr=0.1)
    for ways in (2, 7):
        task = batch(1, ways)[0]
        assert learner(task.support)(task.query.x).shape == (3 * ways, ways)


def test_weights_that_depend_on_each_other_are_differentiated_apart() -> None:
    """``L = a b`` with b = a²: the gradient by a is b, not 3 a²."""
    a = torch.tensor(3.0, requires_grad=True)
    found = gradient(lambda w: w["a"] * w["b"], {"a": a, "b": a**2})
    assert (found["a"].item(), found["b"].item()) == (9.0, 3.0)
    close(torch.autograd.grad(found["a"], a)[0], torch.tensor(6.0))


def test_names_of_any_kind_have_rates_and_factors() -> None:
    """Names that a dictionary of parameters has methods of."""

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.values, self.gain = nn.Parameter(torch.randn(D, WAYS)), nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.values * self.gain

    task = batch()[0]
    for learner in (learners.MetaSGD(Odd()), learners.MetaCurvature(Odd())):
        assert learner(task.support)(task.query.x).shape == (3 * WAYS, WAYS)


@pytest.mark.parametrize(
    "make",
    [
        lambda: learners.ANIL(body(), head(), inner_lr=-1.0),
        lambda: learners.ANIL(body(), head(), test_steps=-1),
        lambda: learners.BOIL(body(), head(), inner_steps=-1),
        lambda: learners.MetaSGD(body(), inner_steps=0),
        lambda: learners.MetaCurvature(body(), inner_steps=0),
        lambda: learners.MetaCurvature(body(), inner_lr=0.0),
        lambda: learners.ProtoMAML(body(), inner_lr=float("nan")),
        lambda: learners.ProtoMAML(body(), scale=0.0),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(LearnerError):
        make()


def test_too_few_outputs_are_named() -> None:
    support = batch(1, WAYS + 1)[0].support
    for learner in (learners.ANIL(body(), head()), learners.BOIL(body(), head())):
        with pytest.raises(ShapeError, match="3 outputs.*4 ways"):
            learner(support)


def test_proto_maml_runs_on_images_of_varying_ways() -> None:
    learner = learners.ProtoMAML(Conv4(hidden=4, strided=True), inner_steps=1).double().train()
    tasks = stack_tasks([images(2), images(4)])
    loss = meta_gradient(learner, tasks, strategy="loop")
    alone = [meta_gradient(learner, stack_tasks([task]), strategy="loop") for task in (tasks[0], tasks[1])]
    assert loss.isfinite().all()
    close(loss, torch.cat(alone))


def images(ways: int) -> Task:
    labels = torch.arange(2 * ways) % ways
    return Task(*[Examples.of(torch.randn(2 * ways, 1, 28, 28), labels) for _ in range(2)])
