"""Planted faults of learners and runs are found, each by its own check; sound learners have nothing severe."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from contract.cases import INPUTS, blobs, few
from quickstudy import checks, datasets, learners, tasks, train
from quickstudy.checks import Severity
from quickstudy.errors import TaskError
from quickstudy.execution.footprint import peak_of
from quickstudy.learner import Facts
from quickstudy.learners.metric.proto import Prototypes
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Examples


class Leaks(learners.ProtoNet):
    """Queries are centred on each other, and nobody is told."""

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x - 0.5 * x.mean(0))


class Declared(Leaks):
    facts = Facts(transductive=True)


class Ordered(learners.ProtoNet):
    """Later examples count for more."""

    def adapt(self, support: Examples) -> Prototypes:
        place = torch.arange(len(support), dtype=support.mask.dtype)
        return super().adapt(support.replace(support.x * (1 + place[:, None])))


class Favours(learners.ProtoNet):
    """Favours the first column."""

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        return super().predict(state, x) + nn.functional.one_hot(torch.zeros(len(x)).long(), len(state.counts))


class Cuts(learners.MAML):
    """Forgets that its inner gradient is one, and calls it exact."""

    def adapt(self, support: Examples) -> Any:
        state = super().adapt(support)
        own = dict(self.network.named_parameters())
        weights = {name: own[name] + (w - own[name]).detach() for name, w in state.weights.items()}
        return state._replace(weights=weights)


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.tanh()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (1 - x.tanh() ** 2)


class _Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.y = x.tanh().detach()
        return x.tanh()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * (1 - ctx.y**2)


class Layer(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.function.apply(x)
        return found


def maml(*layers: nn.Module, first_order: bool = False) -> learners.MAML:
    return learners.MAML(nn.Sequential(nn.Linear(INPUTS, 8), *layers, nn.Linear(8, 3)), inner_lr=0.5, first_order=first_order)


def proto(kind: type[learners.ProtoNet] = learners.ProtoNet, *layers: nn.Module) -> learners.ProtoNet:
    return kind(nn.Sequential(nn.Linear(INPUTS, 16), *layers))


def test_other_queries_that_leak() -> None:
    assert checks.moved_by_other_queries(proto(), few()).verdict == "ok"
    observation = checks.moved_by_other_queries(proto(Leaks), few())
    assert observation.verdict == "severe" and observation.findings[0].numbers["changed"] > 0
    stock = checks.moved_by_other_queries(proto(learners.ProtoNet, nn.BatchNorm1d(16, track_running_stats=False)), few())
    assert stock.verdict == "severe", "a batch norm without running averages"
    assert checks.moved_by_other_queries(proto(learners.ProtoNet, nn.BatchNorm1d(16)), few()).verdict == "ok"
    assert checks.moved_by_other_queries(proto(Declared), few()).verdict in ("note", "ok"), "declared is no fault"


def test_order_and_columns_that_matter() -> None:
    assert checks.moved_by_order(proto(), few()).verdict == checks.moved_by_names(proto(), few()).verdict == "ok"
    assert checks.moved_by_order(proto(Ordered), few()).verdict == "severe"
    assert checks.moved_by_names(proto(Favours), few()).verdict == "severe"
    declared = checks.moved_by_names(maml(), few())
    assert declared.verdict in ("note", "ok") and "declared: label_order" in declared.note
    assert checks.moved_by_names(learners.MAML(MLP(1, outputs=1), likelihood=Gaussian()), tasks.Sinusoid()).verdict == "skipped"


def test_layers_without_a_second_derivative() -> None:
    assert checks.unsafe_second_order(maml(nn.Tanh()), few()).verdict == "ok"
    for function, words in ((_Once, "has no second derivative"), (_Wrong, "second derivative that is wrong")):
        observation = checks.unsafe_second_order(maml(Layer(function)), few())
        assert observation.verdict == "severe" and len(observation.findings) == 1
        assert observation.findings[0].what.startswith("network.1 (Layer)") and words in observation.findings[0].what
    assert checks.unsafe_second_order(maml(Layer(_Wrong), first_order=True), few()).verdict == "note", "not used"
    stock = maml()
    stock.network = nn.Sequential(nn.Linear(INPUTS, 8), nn.LayerNorm(8), nn.Linear(8, 3))
    observation = checks.unsafe_second_order(stock, few())
    assert observation.verdict == "warning" and "wrong second derivatives under vmap" in observation.findings[0].what
    assert checks.unsafe_second_order(proto(), few()).verdict == "skipped"


def test_a_wrong_meta_gradient() -> None:
    subject = checks.Subject("cut", train=few(), learner=Cuts(MLP(INPUTS, (8,), outputs=3), inner_lr=0.5))
    found = checks.examine(subject, only=["meta-gradient"])
    assert found.worst is Severity.SEVERE and "differs from finite differences" in found.findings[0].what
    assert "detach()" in found.findings[0].remedy


def test_sound_learners_have_nothing_severe() -> None:
    parts = datasets.split_classes(blobs())
    sources = [tasks.FewShot(part, 3, 2, 5) for part in parts]
    for learner in (proto(), learners.MAML(MLP(INPUTS, (16,), outputs=3, norm=True), inner_lr=0.5)):
        subject = checks.Subject("sound", *sources, learner=learner, batch=4, steps=100)
        found = checks.examine(
            subject, tasks=60, only=["other queries", "support order", "column order", "meta-gradient", "second order", "cost"]
        )
        assert found.worst is None or found.worst < Severity.WARNING, str(found)


def history(best_at: int, fall: float, *, noise: float = 0.004, to: float = 0.1) -> list[dict[str, float]]:
    """A log of 200 steps with a validation every tenth: rises to 0.9 until ``best_at``, then falls by ``fall`` in all."""
    draws = torch.randn(20, generator=torch.Generator().manual_seed(0)).tolist()
    lines = [{"step": n, "loss": 2 + (to - 2) * n / 200} for n in range(1, 201)]
    for k in range(1, 21):
        at = 10 * k
        mean = 0.9 - 0.3 * max(0, best_at - at) / best_at - fall * max(0, at - best_at) / (200 - best_at)
        lines.append({"step": at, "validation": mean + noise * draws[k - 1]})
    return lines


def test_meta_overfitting_is_read_from_a_log() -> None:
    observation = checks.meta_overfitting(history(80, 0.25), higher_is_better=True)
    assert observation.verdict == "severe" and 60 <= observation.findings[0].numbers["best_step"] <= 100
    assert checks.meta_overfitting(history(80, 0.1), higher_is_better=True).verdict == "warning"
    assert checks.meta_overfitting(history(80, 0.0), higher_is_better=True).verdict == "ok", "a plateau is none"
    assert checks.meta_overfitting(history(80, 0.25, to=3), higher_is_better=True).verdict == "ok", "training got worse, too"
    mirrored = [{k: -v if k == "validation" else v for k, v in line.items()} for line in history(80, 0.25)]
    assert checks.meta_overfitting(mirrored, higher_is_better=False).verdict == "severe"
    assert checks.meta_overfitting(history(80, 0.25)[:150], higher_is_better=True).verdict == "skipped"


def test_a_learner_that_knows_its_meta_training_classes_by_heart() -> None:
    """Centres of meta-training classes in clean numbers that new classes lack."""
    labels = torch.arange(600) % 30
    told = torch.zeros(600, 30)
    told[torch.arange(600), labels] = 3.0 * (labels < 15)
    index = datasets.from_arrays(torch.cat([told, torch.randn(600, 4)], 1), labels)
    seen, new = (tasks.FewShot(index.select(part), 5, 1, 5) for part in (range(15), range(15, 30)))
    observation = checks.meta_train_gap(learners.NearestCentroid(), seen, new, tasks=40)
    assert observation.verdict == "severe" and observation.findings[0].numbers["gap"] > 0.5
    assert checks.meta_train_gap(learners.NearestCentroid(), seen, seen, tasks=40).verdict == "ok"
    assert checks.meta_train_gap(learners.NearestCentroid(), tasks.FewShot(index, 5, 1, 5), tasks.Sinusoid()).verdict == "skipped"


def test_the_cost_of_a_step_is_known_before() -> None:
    learner = learners.MAML(MLP(INPUTS, (64,), outputs=3), inner_lr=0.5, inner_steps=3)
    source = few()
    optimizer = torch.optim.Adam(learner.parameters())
    before = [p.detach().clone() for p in learner.parameters()]
    small = checks.step_cost(learner, source, batch=64, optimizer=optimizer, budget=0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, learner.parameters(), strict=True)), "a copy takes the steps"
    assert not optimizer.state and small.measured == 4 and small.batch == 64
    whole = peak_of(lambda: next(train(learner, source, steps=1, batch=64, optimizer=optimizer)))
    assert small.peak_bytes == pytest.approx(whole, rel=0.2), "extrapolated from 4 tasks to 64"
    weights = sum(p.numel() * 4 for p in learner.parameters())
    assert small.resident_bytes == pytest.approx(3 * weights, rel=0.01), "weights and two moments of Adam"


def test_too_little_memory_is_a_finding() -> None:
    learner = learners.MAML(MLP(INPUTS, (16,), outputs=3))
    observations = [checks.costs_too_much(learner, few(), batch=4, steps=10, free=free) for free in (10_000, 10**9)]
    assert [observation.verdict for observation in observations] == ["severe", "ok"]
    assert checks.costs_too_much(learner, few(), batch=4, steps=10**9, free=10**9).verdict == "note", "a run of years"
    assert checks.costs_too_much(learners.NearestCentroid(), few(), batch=4, steps=10).verdict == "skipped"


def test_the_doctor_says_when_it_cannot_look() -> None:
    misfit = checks.Subject("misfit", train=few(ways=5), learner=learners.MAML(MLP(INPUTS, outputs=3)))
    found = checks.examine(misfit, only=["column order"])
    assert found.worst is Severity.SEVERE and "3 outputs, but the task has 5 ways" in found.findings[0].what
    with pytest.raises(TaskError, match="no check 'pulse'. Checks: sources"):
        checks.examine(misfit, only=["pulse"])


def test_findings_are_told_worst_first() -> None:
    finds = {
        name: checks.Observation("", (checks.Finding(name, how_bad, ""),))
        for name, how_bad in zip("abc", (Severity.NOTE, Severity.SEVERE, Severity.WARNING), strict=True)
    }
    told = checks.Diagnosis("it", finds)
    assert [f.what for f in told.findings] == ["b", "c", "a"] and told.worst is Severity.SEVERE
    assert str(told).splitlines()[0] == "it: 3 findings" and not math.isnan(told.worst)
    assert told.to_json()["checks"]["b"]["findings"][0]["how_bad"] == "severe"
