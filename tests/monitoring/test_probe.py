"""Looks at both levels: fixed tasks, the beginning of a validation's, a gap that means something, learned step sizes."""

from statistics import fmean
from typing import Any

import pytest
import torch
from torch import nn

from contract.cases import blobs
from quickstudy import evaluate, learners, tasks
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.monitoring import AdaptationCurve, Monitor, Probe
from quickstudy.nn import MLP


def source(ways: int = 3) -> tasks.FewShot:
    return tasks.FewShot(blobs(), ways, 2, 5)


def meta_sgd() -> Learner[Any]:
    return learners.MetaSGD(MLP(16, (8,), outputs=3), inner_lr=0.2)


def test_looks_are_at_the_same_tasks_every_time() -> None:
    monitor = Monitor(meta_sgd(), source(), source(), tasks=5)
    first, second = monitor.probe(1).to_json(), monitor.probe(2).to_json()
    assert first["adaptation"] == second["adaptation"] and (first["step"], second["step"]) == (1, 2)
    losses = [curve["losses"] for curve in first["adaptation"].values()]
    assert losses[0] != losses[1], "each level has tasks of its own"


def test_validation_tasks_are_the_first_of_a_validation() -> None:
    learner = meta_sgd()
    probe = Monitor(learner, source(), source(), tasks=6, listed=20, seed=9).probe(0)
    report = evaluate(learner, source(), tasks=20, seed=9)
    assert probe.val is not None and probe.val.adapted == pytest.approx(fmean(report.scores[:6]))


def test_step_sizes_are_told() -> None:
    learner = meta_sgd()
    with torch.no_grad():
        for number, rate in enumerate(learner.rates.values()):  # type: ignore[operator, union-attr]
            rate.copy_(torch.linspace(number, number + 2, rate.numel()).reshape(rate.shape))
    sizes = Monitor(learner, source(), None, tasks=2).probe(0).step_sizes
    names = [name for name, _ in learner.network.named_parameters()]  # type: ignore[union-attr]
    assert list(sizes) == names
    assert sorted(sizes.values()) == [(float(n), float(n) + 1, float(n) + 2) for n in range(len(names))]


def curve(score: float) -> AdaptationCurve:
    return AdaptationCurve(30, (0, 1), (0.2, score), (0.1, 0.03), (2.0, 1.0), (float("nan"), 0.7))


@pytest.mark.parametrize(("higher", "gap"), [(True, 0.1), (False, -0.1)])
def test_a_gap_is_positive_where_meta_training_tasks_are_answered_better(higher: bool, gap: float) -> None:
    probe = Probe(3, "metric", higher, curve(0.9), curve(0.8), comparable=True)
    assert probe.gap == pytest.approx(gap) and probe.gap_half == pytest.approx(0.03 * 2**0.5)
    assert Probe(3, "metric", higher, curve(0.9), curve(0.8), comparable=False).gap is None
    assert Probe(3, "metric", higher, curve(0.9), None, comparable=True).gap is None


def test_a_look_survives_json() -> None:
    probe = Probe(3, "accuracy", True, curve(0.9), curve(0.8), True, {"a": (0.1, 0.2, 0.3)}, 0.5)
    assert Probe.from_json(probe.to_json()).to_json() == probe.to_json()
    assert Probe.from_json(probe.to_json()).step_sizes == {"a": (0.1, 0.2, 0.3)}


def test_levels_of_different_kinds_have_no_gap() -> None:
    learner = learners.MAML(MLP(1, (8,), outputs=1), inner_lr=0.01, likelihood=Gaussian())
    probe = Monitor(learner, tasks.Sinusoid(5, 5), tasks.Sinusoid(10, 20), tasks=4).probe(0)
    assert probe.comparable and probe.gap is not None
    mixed = Monitor(learner, tasks.Sinusoid(5, 5), tasks.Mixture([tasks.Sinusoid(), tasks.Sinusoid()]), tasks=4).probe(0)
    assert mixed.train is not None and mixed.val is not None and mixed.gap is None


def test_what_only_monitoring_stumbles_over_stops_nothing() -> None:
    encoder = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8, track_running_stats=False))
    probe = Monitor(learners.ProtoNet(encoder), source(), None, tasks=2).probe(0)
    assert probe.levels == {} and "keeps no running averages" in probe.trouble
    assert Probe.from_json(probe.to_json()).trouble == probe.trouble
