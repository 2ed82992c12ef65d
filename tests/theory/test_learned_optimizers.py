"""Learned optimizers against what they must be: SGD, torch's LSTM, a torch optimizer, finite differences."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, functional, learners
from quickstudy.execution.batching import Strategy, meta_gradient, over_tasks
from quickstudy.functional import log_sign
from quickstudy.functional.unroll import Weights
from quickstudy.likelihood import Gaussian
from quickstudy.nn import AdamLSTM, CoordinateLSTM, GatedDescent
from quickstudy.task import stack_tasks
from quickstudy.tasks import Quadratics
from quickstudy.tasks.source import generator_of
from theory.differences import deviation

D = 10


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    """After every test the default of before is restored by `seeded`."""
    torch.set_default_dtype(torch.float64)


def restless(hidden: int = 20, kind: type[CoordinateLSTM | AdamLSTM] = CoordinateLSTM) -> Any:
    """A rule away from its zero start."""
    rule = kind(hidden)
    nn.init.normal_(rule.head.weight, std=0.3)
    return rule


def problems(count: int) -> Task:
    plan = Quadratics(D).plan(count, generator_of(0))
    return Quadratics(D).gather(type(plan)(plan.w.double(), plan.y.double()))


def three_classes() -> Examples:
    labels = torch.arange(12) % 3
    return Examples.of(torch.randn(12, 4) + labels[:, None], labels)


def test_log_sign_is_its_definition() -> None:
    x = torch.cat([torch.randn(50), 10.0 ** torch.linspace(-12, 3, 40), -(10.0 ** torch.linspace(-12, 3, 40)), torch.zeros(1)])
    for p in (3.0, 10.0):
        for value, found in zip(x.tolist(), log_sign(x, p).tolist(), strict=True):
            large = abs(value) >= math.exp(-p)
            expected = (math.log(abs(value)) / p, math.copysign(1, value)) if large else (-1.0, math.exp(p) * value)
            assert found == pytest.approx(expected, rel=1e-12)
    edge = torch.tensor([math.exp(-10.0)], requires_grad=True)
    torch.testing.assert_close(log_sign(edge.detach() * (1 + 1e-12)), log_sign(edge.detach() * (1 - 1e-12)))
    zero = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(log_sign(zero).sum(), zero)
    assert slope.item() == pytest.approx(math.exp(10)), "the logarithm's branch must not send NaN back"


def test_the_rule_is_a_two_layer_lstm_of_twenty_units() -> None:
    """Against `torch.nn.LSTM` with the same weights; ours has the gates in the order i, f, o, g, torch i, f, g, o."""
    rule, theirs = restless(), nn.LSTM(2, 20, num_layers=2)
    order = torch.cat([torch.arange(0, 40), torch.arange(60, 80), torch.arange(40, 60)])
    with torch.no_grad():
        for layer, cell in enumerate(rule.cells):
            wide = cell.gates.in_features - 20  # type: ignore[union-attr, operator]
            weight, bias = cell.gates.weight[order], cell.gates.bias[order]  # type: ignore[union-attr, index]
            getattr(theirs, f"weight_ih_l{layer}").copy_(weight[:, :wide])
            getattr(theirs, f"weight_hh_l{layer}").copy_(weight[:, wide:])
            getattr(theirs, f"bias_ih_l{layer}").copy_(bias)
            getattr(theirs, f"bias_hh_l{layer}").zero_()
    grads = torch.randn(7, 5) * 10.0 ** torch.randn(7, 5)
    memory, steps = rule.init({"a": grads[0, :2], "b": grads[0, 2:]}), []
    for g in grads:
        step, memory = rule({"a": g[:2], "b": g[2:]}, memory)
        steps.append(torch.cat([step["a"], step["b"]]))
    hidden, _ = theirs(log_sign(grads))
    torch.testing.assert_close(torch.stack(steps), -0.1 * rule.head(hidden)[..., 0])
    assert rule.scale == 0.1 and rule.p == 10


def test_coordinates_do_not_see_each_other() -> None:
    rule, order = restless(), torch.tensor([3, 1, 4, 0, 2])
    g = torch.randn(5)
    one, _ = rule({"a": g}, rule.init({"a": g}))
    other, _ = rule({"a": g[order]}, rule.init({"a": g}))
    torch.testing.assert_close(other["a"], one["a"][order])


def test_an_untrained_rule_stays_where_it_is() -> None:
    learner = learners.LearnedOptimizer(nn.Linear(D, 1, bias=False), CoordinateLSTM(), steps=5, window=5, likelihood=Gaussian())
    state = learner.adapt(problems(1)[0].support)
    assert torch.equal(state.weights["weight"], dict(learner.network.named_parameters())["weight"])


def test_open_gates_are_gradient_descent() -> None:
    """``f = 1`` and a constant ``i``: plain descent with step size i, so MAML's adaptation from the same start."""
    network, support = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)), three_classes()
    rule = GatedDescent()
    with torch.no_grad():
        for gate, bias in ((rule.forget, 40.0), (rule.input, math.log(0.3 / 0.7))):
            gate.weight.zero_()
            gate.bias.fill_(bias)
    gated = learners.MetaLSTM(network, rule, inner_steps=7).eval()
    plain = learners.MAML(network, inner_lr=0.3, inner_steps=7).eval()
    for steps in (1, 7):
        gated.test_steps = plain.test_steps = steps
        mine, theirs = gated.adapt(support), plain.adapt(support)
        for name, w in theirs.weights.items():
            torch.testing.assert_close(mine.weights[name], w, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(gated(support)(support.x), plain(support)(support.x), rtol=1e-10, atol=1e-12)


def test_a_closed_forget_gate_forgets() -> None:
    """``f = 0`` and a constant ``i`` leave ``−i ∇`` alone."""
    network, support, rule = nn.Linear(4, 3), three_classes(), GatedDescent()
    with torch.no_grad():
        for gate, bias in ((rule.forget, -800.0), (rule.input, 0.0)):
            gate.weight.zero_()
            gate.bias.fill_(bias)
    state = learners.MetaLSTM(network, rule, inner_steps=1).adapt(support)
    loss = nn.functional.cross_entropy(network(support.x), support.labels)
    for (name, _), slope in zip(network.named_parameters(), torch.autograd.grad(loss, [*network.parameters()]), strict=True):
        torch.testing.assert_close(state.weights[name], -0.5 * slope)


@pytest.mark.parametrize("kind", [CoordinateLSTM, AdamLSTM])
def test_as_a_torch_optimizer_it_gives_the_weights_of_adapt(kind: type[CoordinateLSTM | AdamLSTM]) -> None:
    """The same network, data and start: bit for bit, though one is functional and the other writes in place."""
    support = three_classes()
    network = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    learner = learners.LearnedOptimizer(network, restless(20, kind), steps=25, window=5).eval()
    state = learner(support).state
    optimizer = learner.optimizer(network.parameters())
    for _ in range(25):
        optimizer.zero_grad()
        loss = learner.likelihood.nll(network(support.x), support.y, support.mask)
        torch.autograd.backward(loss)
        optimizer.step()
    for name, w in network.named_parameters():
        assert torch.equal(w, state.weights[name]), name


def learned(window: int, steps: int, *, first_order: bool = False) -> learners.LearnedOptimizer:
    return learners.LearnedOptimizer(
        nn.Linear(D, 1, bias=False),
        restless(4),
        steps=steps,
        window=window,
        start=functional.as_given,
        first_order=first_order,
        likelihood=Gaussian(),
    ).train()


both = pytest.mark.parametrize("strategy", ["loop", "vmap"])


@both
def test_the_window_gradient_equals_finite_differences(strategy: Strategy) -> None:
    """Where the window is the whole trajectory, and second derivatives are kept."""
    learner, tasks = learned(5, 5), problems(3)
    assert learner.facts.gradient == "exact"
    meta_gradient(learner, tasks, strategy=strategy)
    weights = list(learner.rule.parameters())

    def objective() -> float:
        with torch.no_grad():
            return float(over_tasks(learner.objective, tasks).mean())

    assert deviation(objective, weights, [w.grad for w in weights if w.grad is not None]) < 1e-5


@pytest.mark.parametrize("first_order", [False, True])
def test_a_window_after_a_run_up_is_differentiated_from_where_it_begins(first_order: bool) -> None:
    """The run-up is walked by the rule as it was; differences move the rule inside the window alone."""
    learner, task = learned(3, 9, first_order=first_order), problems(1)
    before = copy.deepcopy(learner.rule)
    depth = _depth_of(learner, seed=3)
    assert 0 < depth < 6, "a seed that shows something"
    torch.manual_seed(3)
    value = meta_gradient(learner, task, strategy="loop")
    support = task[0].support

    def loss(weights: Weights) -> Tensor:
        return nn.functional.mse_loss(support.x @ weights["weight"].mT, support.y) + math.log(math.pi) / 2

    frozen: list[Weights] = []

    def objective(*, record: bool = False) -> float:
        weights: Weights = {"weight": learner.network.weight.detach()}  # type: ignore[dict-item, union-attr]
        memory, losses = before.init(weights), []
        for step in range(depth + 3):
            inside = step - depth
            slope = functional.gradient(loss, weights, first_order=True)
            if inside >= 0 and first_order:  # the gradients that were read are constants
                frozen.append(slope) if record else None
                slope = frozen[inside]
            with torch.no_grad():
                change, memory = (learner.rule if inside >= 0 else before)(slope, memory)
                weights = {"weight": weights["weight"] - change["weight"]}
                if inside >= 0:
                    losses.append(float(loss(weights)))
        return sum(losses) / 3

    assert objective(record=True) == pytest.approx(float(value), rel=1e-12)
    weights = list(learner.rule.parameters())
    assert deviation(objective, weights, [w.grad for w in weights if w.grad is not None]) < 1e-5


def _depth_of(learner: learners.LearnedOptimizer, seed: int) -> int:
    torch.manual_seed(seed)
    return int(torch.randint(learner.steps - learner.windows.steps + 1, ()))


def test_windows_lie_at_depths_of_their_own() -> None:
    """The same problem many times over: depths differ from task to task, by vmap as by loop, and all of them occur."""
    learner, task = learned(2, 5), problems(1)[0]
    many = stack_tasks([task] * 60)
    for strategy in ("loop", "vmap"):
        with torch.no_grad():
            losses = over_tasks(learner.objective, many, strategy)  # type: ignore[arg-type]
        assert len({round(value, 8) for value in losses.tolist()}) == 4
    with torch.no_grad():
        assert len({round(value, 8) for value in over_tasks(learner.eval().objective, many).tolist()}) == 1


def test_starts() -> None:
    weights = {"w": torch.randn(200, 200) * 3 + 1, "bias": torch.zeros(5), "scale": torch.ones(1)}
    drawn = functional.redrawn(weights)
    assert functional.as_given(weights) is weights
    assert torch.equal(drawn["bias"], weights["bias"]) and torch.equal(drawn["scale"], weights["scale"])
    assert abs(float(drawn["w"].mean()) - 1) < 0.1 and abs(float(drawn["w"].std()) - 3) < 0.1
    assert abs(float((drawn["w"] * weights["w"]).mean()) - 1) < 0.2, "nothing of the old numbers is left"
