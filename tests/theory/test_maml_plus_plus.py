"""MAML++ with everything off is MAML; each improvement alone is what its formula says; its schedules resume bit for bit."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import Strategy, meta_gradient
from quickstudy.learners import Improvements
from quickstudy.nn import MLP, norm
from quickstudy.saving.training import load_training, save_training
from quickstudy.task import stack_tasks
from quickstudy.train import train

OFF = Improvements(0, 0, learned_rates=False, step_statistics=False, step_affine=False)
ALPHA, STEPS = 0.4, 3

both = pytest.mark.parametrize("strategy", ["loop", "vmap"])


@pytest.fixture(autouse=True)
def double(seeded: None) -> None:
    torch.set_default_dtype(torch.float64)


def network() -> MLP:
    made = MLP(3, (5,), outputs=2, norm=True)
    made.layers[2] = nn.Tanh()
    return made


def plus(improvements: Improvements, *, steps: int = STEPS, net: nn.Module | None = None) -> learners.MAMLPlusPlus:
    return learners.MAMLPlusPlus(net or network(), improvements=improvements, inner_lr=ALPHA, inner_steps=steps)


def tasks(count: int = 3) -> Task:
    def one() -> Task:
        labels = torch.arange(10) % 2
        whole = Examples.of(torch.randn(10, 3) + labels[:, None], labels)
        return Task(whole[:6], whole[6:])

    return stack_tasks([one() for _ in range(count)])


def gradients(learner: nn.Module, batch: Task, strategy: Strategy = "loop") -> tuple[Tensor, dict[str, Tensor]]:
    learner.zero_grad()
    losses = meta_gradient(learner.train(), batch, strategy=strategy)  # type: ignore[arg-type]
    return losses, {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, grad in expected.items():
        torch.testing.assert_close(found[name], grad, rtol=1e-9, atol=1e-12)


@both
@pytest.mark.parametrize("policy", ["support", "batch"])
def test_with_everything_off_it_is_maml(policy: str, strategy: Strategy) -> None:
    net, batch = network(), tasks()
    options = {"inner_lr": ALPHA, "inner_steps": STEPS, "norm": policy}
    maml = learners.MAML(net, **options)  # type: ignore[arg-type]
    mine = learners.MAMLPlusPlus(net, improvements=OFF, **options)  # type: ignore[arg-type]
    (losses, grads), (expected_losses, expected) = gradients(mine, batch, strategy), gradients(maml, batch, strategy)
    assert losses.equal(expected_losses)
    same(grads, expected)
    for learner in (mine.eval(), maml.eval()):
        learner.test_steps = 5
    x = batch[0].query.x
    assert mine(batch[0].support)(x).equal(maml(batch[0].support)(x))


@both
def test_the_multi_step_loss_is_the_mean_of_shallower_mamls_at_first(strategy: Strategy) -> None:
    """Then its early shares fade with the outer steps, to a floor of 0.03 / T, and drop at the end."""
    net, batch = network(), tasks()
    learner = plus(replace(OFF, multi_step_loss=100), net=net)
    shallow = [gradients(learners.MAML(net, inner_lr=ALPHA, inner_steps=t), batch)[0] for t in range(1, STEPS + 1)]
    for done, early in ((0, 1 / 3), (40, 0.6 / 3), (99, 0.01), (100, 0.0), (500, 0.0)):
        learner.steps_done.fill_(done)
        shares = learner.train().shares(STEPS)
        assert shares == pytest.approx([0, early, early, 1 - 2 * early]) and sum(shares) == pytest.approx(1)
        expected = early * (shallow[0] + shallow[1]) + (1 - 2 * early) * shallow[2]
        torch.testing.assert_close(gradients(learner, batch, strategy)[0], expected)
    assert learner.eval().shares(STEPS) == [0, 0, 0, 1]


@both
def test_derivative_order_annealing_is_first_order_maml_until_its_step(strategy: Strategy) -> None:
    net, batch = network(), tasks()
    learner = plus(replace(OFF, first_order=2), net=net)
    assert learner.facts.gradient == "surrogate"
    for order in (True, True, False):
        maml = learners.MAML(net, inner_lr=ALPHA, inner_steps=STEPS, first_order=order)
        same(gradients(learner, batch, strategy)[1], gradients(maml, batch, strategy)[1])
        learner.advance()


@both
def test_learned_rates_start_as_maml_and_receive_the_gradient_of_each_step(strategy: Strategy) -> None:
    """``∂L_Q / ∂α[w, t]`` by finite differences, and after a change of one rate that weight alone moves otherwise."""
    net, batch = network(), tasks()
    learner = plus(replace(OFF, learned_rates=True), net=net)
    _, grads = gradients(learner, batch, strategy)
    rates = learner.rates
    assert rates is not None and rates.shape == (len(list(net.parameters())), STEPS)
    same(
        {k: v for k, v in grads.items() if k != "rates"},
        gradients(learners.MAML(net, inner_lr=ALPHA, inner_steps=STEPS), batch)[1],
    )
    for row, step in ((0, 0), (2, 1), (5, 2)):
        values = []
        for move in (1e-6, -1e-6):
            with torch.no_grad():
                rates[row, step] += move
                values.append(torch.stack([learner.objective(batch[n]) for n in range(len(batch))]).mean())
                rates[row, step] -= move
        torch.testing.assert_close(grads["rates"][row, step], (values[0] - values[1]) / 2e-6, rtol=1e-5, atol=1e-8)
    before = learner.adapt(batch[0].support).weights
    with torch.no_grad():
        rates[2, STEPS - 1] = 0.0
    after = learner.adapt(batch[0].support).weights
    assert [name for name in before if not before[name].equal(after[name])] == [list(before)[2]]


@both
def test_step_affine_alone_is_maml_with_frozen_norms_where_all_steps_agree(strategy: Strategy) -> None:
    """And the gradients of the steps' scales sum to that of the one scale that all steps share."""
    net, batch = network(), tasks()
    learner = plus(replace(OFF, step_affine=True), net=net)
    affine = {"layers.1.weight": 0, "layers.1.bias": 1}
    assert learner.affine_names == list(affine) and all(p.shape == (STEPS + 1, 5) for p in learner.affine)
    _, grads = gradients(learner, batch, strategy)
    shared = copy.deepcopy(norm.convert(net))
    adapting: dict[str, Tensor] = {name: w for name, w in shared.named_parameters() if name not in affine}
    total = torch.zeros(())
    for n in range(len(batch)):
        support, query, weights = batch[n].support, batch[n].query, dict(adapting)
        for _ in range(STEPS):
            with norm.recording():
                outputs = torch.func.functional_call(shared, weights, (support.x,))
            loss = nn.functional.cross_entropy(outputs, support.y)
            steps = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {name: w - ALPHA * g for (name, w), g in zip(weights.items(), steps, strict=True)}
        with norm.recording() as kept:
            torch.func.functional_call(shared, weights, (support.x,))
        with norm.replaying(kept):
            outputs = torch.func.functional_call(shared, weights, (query.x,))
        total = total + nn.functional.cross_entropy(outputs, query.y) / len(batch)
    torch.autograd.backward(total)
    for name, weight in shared.named_parameters():
        found = grads[f"affine.{affine[name]}"].sum(0) if name in affine else grads[f"network.{name}"]
        torch.testing.assert_close(found, weight.grad, rtol=1e-8, atol=1e-11)


@both
def test_step_statistics_average_what_the_support_sets_of_a_step_show(strategy: Strategy) -> None:
    """Meta-training is MAML's; in eval mode each step's norm uses its own averages, momentum 0.1."""
    net, batch = network(), tasks()
    learner = plus(replace(OFF, step_statistics=True), net=net)
    assert learner.facts.norm == "running" and learner.statistics is not None
    same(gradients(learner, batch, strategy)[1], gradients(learners.MAML(net, inner_lr=ALPHA, inner_steps=STEPS), batch)[1])
    assert not learner.statistics.at(0)["layers.1"][0].any()
    learner.advance()
    for step in (0, STEPS):
        seen = []
        maml = learners.MAML(net, inner_lr=ALPHA, inner_steps=step)
        for n in range(len(batch)):
            seen.append(torch.stack(maml.adapt(batch[n].support).statistics["layers.1"]).detach())
        mean, variance = torch.stack(seen).mean(0)
        torch.testing.assert_close(learner.statistics.at(step)["layers.1"][0], 0.1 * mean)
        torch.testing.assert_close(learner.statistics.at(step)["layers.1"][1], 0.9 + 0.1 * variance)
    learner.eval()
    state = learner.adapt(batch[0].support)
    assert state.statistics["layers.1"][0].equal(learner.statistics.at(STEPS)["layers.1"][0])
    moved = copy.deepcopy(learner)
    assert moved.statistics is not None
    moved.statistics.mean[1] += 1.0
    assert not moved.adapt(batch[0].support).weights["head.bias"].equal(state.weights["head.bias"])


def test_mapped_and_looped_training_gather_the_same_averages() -> None:
    net, batch = network(), tasks()
    found = []
    for strategy in ("loop", "vmap"):
        learner = plus(Improvements(multi_step_loss=10), net=net)
        for _ in range(2):
            gradients(learner, batch, "vmap" if strategy == "vmap" else "loop")
            learner.advance()
        found.append(dict(learner.named_buffers()))
    for name, looped in found[0].items():
        torch.testing.assert_close(found[1][name], looped, rtol=1e-10, atol=1e-12)


def test_a_run_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """Across the end of the first-order phase and of the multi-step loss, from a file."""
    from contract.cases import few

    def made() -> tuple[learners.MAMLPlusPlus, torch.optim.Optimizer]:
        torch.manual_seed(0)
        net = MLP(16, (8,), outputs=3, norm=True)
        improvements = Improvements(multi_step_loss=5, first_order=3)
        learner = learners.MAMLPlusPlus(net, improvements=improvements, inner_lr=0.2, inner_steps=2)
        return learner, torch.optim.Adam(learner.parameters(), 0.01)

    torch.set_default_dtype(torch.float32)
    whole, optimizer = made()
    losses = [r.loss for r in train(whole, few(), steps=7, batch=3, optimizer=optimizer)]
    first, optimizer = made()
    early = [r.loss for r in train(first, few(), steps=4, batch=3, optimizer=optimizer)]
    save_training(tmp_path / "run.safetensors", 4, first, optimizer, None, {})
    second, optimizer = made()
    start, _ = load_training(tmp_path / "run.safetensors", second, optimizer, None)
    late = [r.loss for r in train(second, few(), steps=7, batch=3, start=start, optimizer=optimizer)]
    assert early + late == losses and int(second.steps_done) == 7
    for name, value in whole.state_dict().items():
        assert second.state_dict()[name].equal(value), name


def test_more_test_steps_than_learned_ones_use_the_last() -> None:
    learner = plus(Improvements()).eval()
    assert learner.rates is not None and learner.statistics is not None
    learner.test_steps = STEPS + 2
    state = learner.adapt(tasks()[0].support)
    assert all(torch.isfinite(w).all() for w in state.weights.values())
    assert learner.statistics.at(STEPS + 2)["layers.1"][1].equal(learner.statistics.variance[STEPS])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(LearnerError, match="step_statistics=False"):
        learners.MAMLPlusPlus(network(), norm="batch")
    with pytest.raises(LearnerError, match="inner_steps"):
        plus(Improvements(), steps=0)
    with pytest.raises(LearnerError, match="none can adapt"):
        plus(Improvements(), net=nn.BatchNorm1d(3))
