"""Learners around another one: first order for a while, and the price of information in closed form."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import evaluate, learners, load, save, train
from quickstudy.errors import LearnerError
from quickstudy.execution.batching import meta_gradient
from quickstudy.functional.divergence import from_standard_normal
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP, GaussianCode, GaussianWeights
from quickstudy.nn.variational import measuring, weight_information
from quickstudy.saving.training import load_training, save_training
from quickstudy.task import Task
from quickstudy.tasks import Sinusoid
from quickstudy.tasks.source import generator_of


def waves(first_order: bool = False, seed: int = 0) -> learners.MAML:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = MLP(1, (12,), outputs=1)
    return learners.MAML(network, inner_lr=0.05, inner_steps=2, first_order=first_order, likelihood=Gaussian())


def received(learner: Learner[Any], tasks: Task, strategy: Any = "loop") -> list[Tensor]:
    learner.zero_grad()
    meta_gradient(learner.train(), tasks, strategy=strategy)
    return [p.grad.clone() for p in learner.parameters() if p.grad is not None]


@pytest.mark.parametrize("strategy", ["loop", "vmap"])
def test_warm_up_is_first_order_and_then_exact(strategy: str) -> None:
    tasks = Sinusoid().sample(3, generator_of(0))
    learner = learners.FirstOrderWarmUp(waves(), steps=2)
    first, exact = received(waves(first_order=True), tasks, strategy), received(waves(), tasks, strategy)
    assert not all(torch.allclose(a, b, rtol=1e-3) for a, b in zip(first, exact, strict=True))
    for expected in (first, first, exact, exact):
        for found, wanted in zip(received(learner, tasks, strategy), expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
        learner.advance()


def test_a_warm_up_resumes_where_it_stopped(tmp_path: Path) -> None:
    def fresh() -> tuple[learners.FirstOrderWarmUp, torch.optim.Optimizer]:
        learner = learners.FirstOrderWarmUp(waves(), steps=4)
        return learner, torch.optim.Adam(learner.parameters(), 1e-2)

    whole, optimizer = fresh()
    losses = [record.loss for record in train(whole, Sinusoid(), steps=7, batch=3, optimizer=optimizer)]
    part, optimizer = fresh()
    again = [record.loss for record in train(part, Sinusoid(), steps=3, batch=3, optimizer=optimizer)]
    save_training(tmp_path / "training.safetensors", 3, part, optimizer, None, None)
    other, optimizer = fresh()
    start, _ = load_training(tmp_path / "training.safetensors", other, optimizer, None)
    assert start == 3 and other.train().first_order
    again += [record.loss for record in train(other, Sinusoid(), steps=7, batch=3, optimizer=optimizer, start=start)]
    assert losses == again and not other.train().first_order
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), other.parameters(), strict=True))


def test_a_warm_up_serves_any_inner_loop_and_passes_all_else_on() -> None:
    tasks = Sinusoid().sample(2, generator_of(0))
    for inside in (
        learners.MetaSGD(MLP(1, (8,), outputs=1), inner_lr=0.05, likelihood=Gaussian()),
        learners.ANIL(MLP(1, (8,)), nn.Linear(8, 1), inner_lr=0.05, likelihood=Gaussian()),
    ):
        warm = learners.FirstOrderWarmUp(copy.deepcopy(inside), steps=1)
        before = received(warm, tasks)
        warm.advance()
        after, own = received(warm, tasks), received(inside, tasks)
        assert not all(torch.allclose(a, b, rtol=1e-3) for a, b in zip(before, after, strict=True))
        assert all(torch.equal(a, b) for a, b in zip(after, own, strict=True))
        assert warm.encodes == inside.encodes and warm.step_sizes().keys() == inside.step_sizes().keys()
    inside = learners.MAMLPlusPlus(MLP(1, (8,), outputs=1), likelihood=Gaussian())
    learners.FirstOrderWarmUp(inside).advance()
    assert int(inside.steps_done) == 1
    assert learners.FirstOrderWarmUp(waves()).advances and not learners.FirstOrderWarmUp(waves()).learner.advances
    with pytest.raises(LearnerError, match="at least 0"):
        learners.FirstOrderWarmUp(waves(), -1)


def test_divergence_is_torchs() -> None:
    mean, spread = torch.randn(50), torch.rand(50) + 0.1
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(mean, spread), torch.distributions.Normal(0, 1))
    torch.testing.assert_close(from_standard_normal(mean, spread), expected)


def at_the_prior() -> GaussianCode:
    """A code that says nothing: mean 0, spread 1 whatever the input."""
    layer = GaussianCode(3, 2)
    with torch.no_grad():
        for part in (layer.mean, layer.spread):
            part.weight.zero_()
            part.bias.zero_()
        layer.spread.bias.fill_(torch.tensor(1.0).expm1().log())
    return layer


def test_nothing_said_costs_nothing() -> None:
    layer, x = at_the_prior(), torch.randn(5, 3)
    with measuring() as nats:
        layer(x)
    assert nats[0].abs().max() < 1e-5
    silent = GaussianWeights(nn.Linear(3, 2), log_spread=0.0)
    with torch.no_grad():
        for weight in silent.layer.parameters():
            weight.zero_()
    found = weight_information(nn.Sequential(silent).requires_grad_(False))
    assert found is not None and float(found) == 0.0 and weight_information(nn.Linear(1, 1)) is None
    with torch.no_grad():
        silent.layer.bias[0] = 2.0
    assert float(silent.information().detach()) == pytest.approx(2.0)  # µ²/2


def test_draws_have_the_stated_moments() -> None:
    layer, x = GaussianCode(3, 2), torch.randn(1, 3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        many = layer(x.expand(20_000, -1))
        random = GaussianWeights(nn.Linear(3, 1), log_spread=-1.0)
        outputs = torch.cat([random(x) for _ in range(4000)])
    spread = nn.functional.softplus(layer.spread(x))[0]
    torch.testing.assert_close(many.mean(0), layer.eval()(x)[0], atol=0.03, rtol=0)
    torch.testing.assert_close(many.std(0), spread, atol=0, rtol=0.03)
    expected = torch.tensor(-1.0).exp() * (x.square().sum() + 1).sqrt()  # Var(w·x + b) = σ² (‖x‖² + 1)
    assert float(outputs.detach().std() / expected) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(outputs.mean(0), random.eval()(x)[0], atol=0.05, rtol=0)


def encoder(kind: str) -> nn.Module:
    if kind == "activations":
        return nn.Sequential(nn.Linear(1, 6), nn.ReLU(), GaussianCode(6, 2))
    return nn.Sequential(GaussianWeights(nn.Linear(1, 6)), nn.ReLU(), nn.Linear(6, 2))


@pytest.mark.parametrize("kind", ["activations", "weights"])
def test_the_price_is_what_the_paper_says(kind: str) -> None:
    """In eval mode, where nothing is drawn: the objective is MAML's on the mean codes plus β times the divergence."""
    inside = learners.MAML(MLP(2, (8,), outputs=1), inner_lr=0.05, likelihood=Gaussian())
    learner = learners.MetaRegularised(encoder(kind), inside, strength=0.3).eval()
    task = Sinusoid(4, 6).sample(1, generator_of(0))[0]
    task.query.mask[4:] = 0  # two queries are padding
    coded = Task(*[side.replace(learner.encode(side.x)) for side in (task.support, task.query)])
    plain = Task(*[side.replace(learner.encoder(side.x)) for side in (task.support, task.query)])
    if kind == "activations":
        h = learner.encoder[1](learner.encoder[0](task.query.x))
        mean, spread = learner.encoder[2].mean(h), nn.functional.softplus(learner.encoder[2].spread(h))
        nats = (0.5 * (mean**2 + spread**2 - 1) - spread.log()).sum(1)[:4].mean()
    else:
        parts = zip(learner.encoder[0].layer.parameters(), learner.encoder[0].log_spread, strict=True)
        nats = sum(((m**2 + (2 * s).exp() - 1 - 2 * s) / 2).sum() for m, s in parts)
    torch.testing.assert_close(learner.objective(coded), inside.objective(plain) + 0.3 * nats, rtol=1e-4, atol=1e-5)


def test_the_price_lowers_what_an_encoder_says() -> None:
    said = []
    for strength in (0.0, 3.0):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            inside = learners.MAML(MLP(2, (16,), outputs=1), inner_lr=0.01, likelihood=Gaussian())
            learner = learners.MetaRegularised(encoder("activations"), inside, strength=strength)
        optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
        for _ in train(learner, Sinusoid(), steps=60, batch=4, optimizer=optimizer):
            pass
        said.append(float(learner.encode(torch.linspace(-5, 5, 50)[:, None]).nats.mean().detach()))
    assert said[1] < 0.1 < said[0]


def test_updates_are_offered_where_the_learner_inside_offers_them() -> None:
    learner = learners.MetaRegularised(encoder("activations"), learners.ProtoNet(nn.Identity()))
    assert hasattr(learner, "update") == hasattr(learners.ProtoNet(nn.Identity()), "update")
    assert not hasattr(learners.MetaRegularised(encoder("activations"), waves()), "update")


def test_bad_encoders_are_refused() -> None:
    with pytest.raises(LearnerError, match="no random layer"):
        learners.MetaRegularised(MLP(1, (4,)), waves())
    with pytest.raises(LearnerError, match="strength=-1"):
        learners.MetaRegularised(encoder("weights"), waves(), strength=-1)
    with pytest.raises(LearnerError, match="no weights"):
        GaussianWeights(nn.ReLU())


def test_saved_whole_and_evaluated(tmp_path: Path) -> None:
    inside = learners.MAML(MLP(2, (8,), outputs=1), inner_lr=0.01, likelihood=Gaussian())
    learner = learners.MetaRegularised(GaussianCode(1, 2), inside)
    save(learner, tmp_path / "learner.safetensors")
    other = load(tmp_path / "learner.safetensors")
    reports = [evaluate(each, Sinusoid(), tasks=5) for each in (learner, other)]
    assert reports[0].scores == reports[1].scores and type(other.learner) is learners.MAML
