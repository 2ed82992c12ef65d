"""MAML against its definition, and its exact outer gradient against finite differences for every kind of network."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.execution import vmap_safety
from quickstudy.execution.batching import Strategy, choose, encode_tasks, meta_gradient, over_tasks
from quickstudy.likelihood import Categorical
from quickstudy.nn import norm
from quickstudy.task import stack_tasks
from theory.differences import deviation

INPUTS, WAYS, S, Q = 8, 3, 6, 9


class Attention(nn.Module):
    """Two tokens of four numbers, a stock encoder layer, a linear head."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(4, 8), nn.Linear(8, WAYS)
        self.body = nn.TransformerEncoderLayer(8, 2, 16, dropout, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(self.embed(x.reshape(len(x), 2, 4))).mean(1))
        return outputs


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.LSTM(4, 6, batch_first=True), nn.Linear(6, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(x.reshape(len(x), 2, 4))[0][:, -1])
        return outputs


class Folded(nn.Module):
    """Positions as rows before a batch norm: (S, 2, 4) as (2 S, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh())
        self.head = nn.Linear(12, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.body(x.reshape(-1, 4)).reshape(len(x), 12))
        return outputs


class Branching(nn.Module):
    """Its flow depends on values, which vmap refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(INPUTS, WAYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.body(x) if float(x.mean()) < 100 else self.body(x) * 2
        return outputs


def dense(*middle: nn.Module, width: int = 6) -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, width), *middle, nn.Linear(width, WAYS))


def conv(*middle: nn.Module) -> nn.Module:
    first = [nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 4, 2, padding=1)]
    return nn.Sequential(*first, *middle, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, WAYS))


def shared() -> nn.Module:
    layer, between = nn.Linear(6, 6), nn.BatchNorm1d(6)
    return dense(between, nn.Tanh(), layer, between, nn.Tanh(), layer)


def tied() -> nn.Module:
    network = nn.Sequential(nn.Linear(INPUTS, INPUTS), nn.Tanh(), nn.Linear(INPUTS, INPUTS), nn.Linear(INPUTS, WAYS))
    second, first = network[2], network[0]
    assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
    second.weight = first.weight
    return network


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: dense(nn.Tanh()),
    "relu in place": lambda: dense(nn.ReLU(inplace=True), width=12),
    "batch norm": lambda: dense(nn.BatchNorm1d(6), nn.Tanh()),
    "batch norm 2d": lambda: conv(nn.BatchNorm2d(4), nn.Tanh()),
    "layer norm": lambda: dense(nn.LayerNorm(6), nn.Tanh()),
    "layer norm without bias": lambda: dense(nn.LayerNorm(6, bias=False), nn.Tanh()),
    "group norm": lambda: dense(nn.GroupNorm(2, 6), nn.Tanh()),
    "group norm 2d": lambda: conv(nn.GroupNorm(2, 4), nn.Tanh()),
    "instance norm 2d": lambda: conv(nn.InstanceNorm2d(4, affine=True), nn.Tanh()),
    "rms norm": lambda: dense(nn.RMSNorm(6), nn.Tanh()),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(INPUTS, WAYS)),
    "attention": Attention,
    "folded positions": Folded,
    "shared layers": shared,
    "tied weights": tied,
    "recurrent": Recurrent,
    "branching": Branching,
}
ONLY_LOOP = {"recurrent", "branching"}


def moved(network: nn.Module) -> nn.Module:
    """The network away from initial ones and zeros, where errors of affine norms would hide."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return network


def batch(tasks: int = 3) -> Task:
    def side(rows: int) -> Examples:
        labels = torch.arange(rows) % WAYS
        return Examples.of(torch.randn(rows, INPUTS, dtype=torch.float64) + labels[:, None], labels)

    return stack_tasks([Task(side(S), side(Q)) for _ in range(tasks)])


def maml(network: nn.Module, **options: Any) -> learners.MAML:
    return learners.MAML(network, **({"inner_lr": 0.5, "inner_steps": 2} | options)).double()


def objective(learner: learners.MAML, tasks: Task) -> float:
    with torch.no_grad():
        return float(over_tasks(learner.objective, encode_tasks(learner, tasks)).mean())


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("strategy", ["loop", "vmap"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_outer_gradient_equals_finite_differences(name: str, strategy: Strategy, training: bool) -> None:
    if strategy == "vmap" and name in ONLY_LOOP:
        pytest.skip("vmap has no rule for it; see the test of `auto`")
    learner, tasks = maml(moved(NETWORKS[name]())).train(training), batch()
    meta_gradient(learner, tasks, strategy=strategy)
    weights = list(learner.parameters())
    grads = [torch.zeros_like(w) if w.grad is None else w.grad for w in weights]
    assert deviation(lambda: objective(learner, tasks), weights, grads) < 1e-5


@pytest.mark.parametrize("policy", ["support", "batch"])
def test_both_norm_policies_are_differentiated_exactly(policy: Any) -> None:
    learner, tasks = maml(moved(NETWORKS["batch norm"]()), norm=policy).train(), batch()
    meta_gradient(learner, tasks, strategy="vmap")
    weights = list(learner.parameters())
    grads = [w.grad for w in weights if w.grad is not None]
    assert deviation(lambda: objective(learner, tasks), weights, grads) < 1e-5


def raw_vmap(network: nn.Module, tasks: Task) -> tuple[dict[str, Tensor], Callable[[], float]]:
    """The textbook way, with stock layers: one inner step under vmap of functional_call; gradient and objective."""
    weights = {name: w.detach() for name, w in network.named_parameters()}

    def loss(weights: dict[str, Tensor], examples: Examples) -> Tensor:
        outputs = torch.func.functional_call(network, weights, (examples.x,))
        return Categorical().nll(outputs, examples.y, examples.mask)

    def objective(weights: dict[str, Tensor], task: Task) -> Tensor:
        grads = torch.func.grad(loss)(weights, task.support)
        return loss({name: w - 0.5 * grads[name] for name, w in weights.items()}, task.query)

    def mean(weights: dict[str, Tensor]) -> Tensor:
        return torch.func.vmap(objective, in_dims=(None, 0))(weights, tasks).mean()

    return torch.func.grad(mean)(weights), lambda: float(mean(dict(network.named_parameters())).detach())


@pytest.mark.parametrize("name", ["batch norm", "batch norm 2d", "layer norm"])
def test_stock_affine_norms_are_wrong_under_raw_vmap(name: str) -> None:
    """Why `convert` exists: if this fails, PyTorch has mended pytorch/functorch#534, and the exact norms may go."""
    stock = moved(NETWORKS[name]()).double()
    for module in stock.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
    tasks = batch()
    wrong, f = raw_vmap(stock, tasks)
    assert deviation(f, list(stock.parameters()), list(wrong.values())) > 1e-3
    exact = norm.convert(stock)
    right, f = raw_vmap(exact, tasks)
    assert deviation(f, list(exact.parameters()), list(right.values())) < 1e-5


def test_stock_weight_norm_is_wrong_at_second_order() -> None:
    """Even in a plain loop; if this fails, PyTorch has mended it."""
    g, v = torch.rand(3, 1, dtype=torch.float64, requires_grad=True), torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    gradgradcheck = torch.autograd.gradgradcheck
    assert not gradgradcheck(lambda g, v: torch._weight_norm(v, g, 0), (g, v), raise_exception=False)
    for dim in (0, 1, -1):
        exact = norm.WeightNorm(dim)
        size = torch.norm_except_dim(v.detach(), 2, dim).requires_grad_()
        assert gradgradcheck(exact, (size, v))
        torch.testing.assert_close(exact(size, v), v)


@pytest.mark.parametrize("name", sorted(ONLY_LOOP))
def test_auto_takes_the_loop_with_one_message_that_names_the_layer(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vmap_safety, "_told", set())
    learner, tasks = maml(NETWORKS[name]()).train(), batch()
    with caplog.at_level(logging.WARNING, "quickstudy"):
        assert choose(learner, tasks) == choose(learner, tasks) == "loop"
        meta_gradient(learner, tasks)
    (record,) = caplog.records
    assert record.message.startswith("MAML: tasks run one after another, because ")
    assert {"recurrent": "network.body (LSTM) has no vmap rule", "branching": "vmap refused it"}[name] in record.message
    assert all(w.grad is not None for w in learner.parameters())


def test_auto_maps_what_can_be_mapped() -> None:
    for name in sorted(set(NETWORKS) - ONLY_LOOP):
        assert choose(maml(NETWORKS[name]()), batch()) == "vmap", name


def test_a_layer_without_second_derivative_is_named_with_the_remedy() -> None:
    learner, tasks = maml(dense(nn.Hardsigmoid())), batch()
    with pytest.raises(LearnerError, match=r"no second derivative.*hardsigmoid.*first_order=True"):
        meta_gradient(learner, tasks, strategy="loop")
    meta_gradient(maml(dense(nn.Hardsigmoid()), first_order=True), tasks, strategy="loop")


def test_the_deprecated_weight_norm_is_refused() -> None:
    with pytest.warns(FutureWarning):
        network = nn.utils.weight_norm(nn.Linear(INPUTS, WAYS))
    with pytest.raises(LearnerError, match="parametrizations"):
        maml(network)


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"batch norm", "batch norm 2d", "folded positions", "shared layers"}))
def test_zero_inner_steps_are_the_network(name: str) -> None:
    network = moved(NETWORKS[name]()).double().eval()
    task = batch()[0]
    learner = maml(network, inner_steps=0).eval()
    torch.testing.assert_close(learner(task.support)(task.query.x), network(task.query.x).detach(), rtol=1e-10, atol=1e-10)
    meta_gradient(learner.train(), batch(1), strategy="loop")


def test_zero_inner_steps_normalise_by_the_support_set() -> None:
    network = moved(NETWORKS["batch norm"]()).double()
    task = batch()[0]
    learner = maml(network, inner_steps=0)
    assert isinstance(network, nn.Sequential)
    first, stock, last = network[0], network[1], network[3]
    assert isinstance(stock, nn.BatchNorm1d)
    hidden = first(task.support.x)
    normal = (first(task.query.x) - hidden.mean(0)) / (hidden.var(0, unbiased=False) + stock.eps).sqrt()
    torch.testing.assert_close(learner(task.support)(task.query.x), last((normal * stock.weight + stock.bias).tanh()).detach())


def test_support_equal_to_query_is_the_no_split_objective() -> None:
    """``𝓛(𝒯, θ − α ∇𝓛(𝒯, θ))``, value and gradient, written out with plain autograd."""
    network = NETWORKS["plain"]().double()
    support = batch()[0].support
    learner = maml(network, inner_steps=1).train()
    loss = meta_gradient(learner, stack_tasks([Task(support, support)]), strategy="loop")
    weights: dict[str, Tensor] = dict(network.named_parameters())

    def nll(weights: dict[str, Tensor]) -> Tensor:
        outputs = torch.func.functional_call(network, weights, (support.x,))
        return nn.functional.cross_entropy(outputs, support.labels)

    grads = torch.autograd.grad(nll(weights), list(weights.values()), create_graph=True)
    outer = nll({name: w - 0.5 * g for (name, w), g in zip(weights.items(), grads, strict=True)})
    torch.testing.assert_close(loss[0], outer.detach())
    expected = torch.autograd.grad(outer, list(weights.values()))
    for mine, theirs in zip(learner.parameters(), expected, strict=True):
        torch.testing.assert_close(mine.grad, theirs)


def test_frozen_weights_do_not_adapt() -> None:
    network = NETWORKS["plain"]()
    first = network[0]  # type: ignore[index]
    first.requires_grad_(False)
    learner = maml(network)
    state = learner.adapt(batch()[0].support)
    assert set(state.weights) == {"2.weight", "2.bias"}


def test_a_shared_layer_keeps_its_weights() -> None:
    """`torch.func.functional_call` alone would leave adapted weights behind in a layer that stands in two places."""
    learner = maml(shared()).eval()
    before = {name: w.clone() for name, w in learner.state_dict().items()}
    kinds = [type(part) for part in learner.modules()]
    for _ in range(2):
        learner(batch()[0].support)
    assert [type(part) for part in learner.modules()] == kinds and kinds.count(norm.BatchNorm) == 1
    assert {name for name, _ in learner.named_parameters()} <= set(before)
    assert all(isinstance(p, nn.Parameter) for part in learner.modules() for p in part._parameters.values() if p is not None)
    assert all(before[name].equal(w) for name, w in learner.state_dict().items())
