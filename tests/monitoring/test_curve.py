"""Curves of adaptation: their end is what the evaluation finds, and looking changes nothing."""

import copy
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import nn

from contract.cases import CASES, blobs
from quickstudy import datasets, evaluate, learners, tasks
from quickstudy.errors import TaskError
from quickstudy.learner import Learner
from quickstudy.monitoring import AdaptationCurve, adaptation_curve, alike
from quickstudy.nn import MLP


def classifier() -> Learner[Any]:
    return learners.MAML(MLP(16, (24,), outputs=3, norm=True), inner_lr=0.5, inner_steps=1, test_steps=3)


@pytest.mark.parametrize(
    "name", ["MAML", "MAML, batch statistics", "MAML, varying sizes", "ProtoNet, running norm", "CAVIA, values"]
)
def test_a_curve_ends_where_the_evaluate_is(name: str) -> None:
    learner, source = CASES[name].make(), CASES[name].source()
    curve, report = adaptation_curve(learner, source, tasks=12, seed=3, batch=5), evaluate(learner, source, tasks=12, seed=3)
    assert curve.adapted == pytest.approx(report.mean, abs=1e-6)
    assert curve.halves[-1] == pytest.approx((report.interval[1] - report.interval[0]) / 2, abs=1e-5)
    assert curve.tasks == 12 and (curve.steps == (0,)) == (name.startswith("ProtoNet"))


def test_a_curve_begins_with_the_network_itself() -> None:
    learner = learners.MAML(MLP(16, (24,), outputs=3), test_steps=2)
    source = tasks.FewShot(blobs(), 3, 2, 5)
    curve = adaptation_curve(learner, source, tasks=12, seed=3)
    unadapted = evaluate(lambda support: lambda x: learner.network(x).detach(), source, tasks=12, seed=3)
    assert curve.steps == (0, 1, 2) and curve.scores[0] == pytest.approx(unadapted.mean)


def test_mapped_as_in_a_loop() -> None:
    learner, source = classifier(), tasks.FewShot(blobs(), 3, 2, 5)
    a, b = (adaptation_curve(learner, source, tasks=6, strategy=way) for way in ("vmap", "loop"))
    assert a.steps == b.steps and a.losses == pytest.approx(b.losses, rel=1e-4)
    assert a.gradient_norms[1:] == pytest.approx(b.gradient_norms[1:], rel=1e-4)


def test_looking_changes_nothing() -> None:
    learner = learners.MAML(nn.Sequential(nn.Linear(16, 8), nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 3)), test_steps=2)
    learner.train()
    before, random = copy.deepcopy(learner.state_dict()), torch.get_rng_state()
    adaptation_curve(learner, tasks.FewShot(blobs(), 3, 2, 5), tasks=4)
    assert learner.training and all(part.training for part in learner.modules())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[key]) for key, value in learner.state_dict().items())
    assert all(weight.grad is None for weight in learner.parameters())


def test_a_curve_survives_json() -> None:
    curve = AdaptationCurve(2, (0, 1), (0.5, float("nan")), (0.1, float("inf")), (1.0, 2.0), (float("nan"), 3.0))
    found = curve.to_json()
    assert found["scores"] == [0.5, None] and found["halves"] == [0.1, None] and found["gradient_norms"] == [None, 3.0]
    again = AdaptationCurve.from_json(found)
    assert (again.steps, again.losses, again.to_json()) == (curve.steps, curve.losses, found)


def test_no_tasks_no_curve() -> None:
    with pytest.raises(TaskError, match="at least one task"):
        adaptation_curve(classifier(), tasks.FewShot(blobs(), 3, 2, 5), tasks=0)


def test_meta_training_tasks_are_brought_to_the_sizes_of_validation_tasks() -> None:
    wide, narrow = tasks.FewShot(blobs(), 20, 1, 3), tasks.FewShot(blobs(), 3, 2, 5)
    seen = alike(wide, narrow)
    assert isinstance(seen, tasks.FewShot) and (seen.ways, seen.shots, seen.queries) == (
        narrow.ways,
        narrow.shots,
        narrow.queries,
    )
    pretraining = alike(tasks.Supervised(blobs()), narrow)
    assert isinstance(pretraining, tasks.FewShot)
    assert alike(tasks.Sinusoid(), narrow) is None
    with pytest.raises(TaskError):
        alike(wide, _too_large())


def _too_large() -> tasks.FewShot:
    """Of a data set with more examples a class than the other."""
    return tasks.FewShot(datasets.from_arrays(torch.randn(120, 16), torch.arange(120) % 3), 3, 20, 20)


def test_a_curve_is_the_mean_of_the_curves_of_its_tasks() -> None:
    learner, source = classifier(), tasks.FewShot(blobs(), 3, 2, 5)
    plan = source.plan(2, torch.Generator().manual_seed(0))
    both = adaptation_curve(learner, source, plan=plan)
    apart = [adaptation_curve(learner, source, plan=plan[n : n + 1]) for n in range(2)]
    assert both.losses == pytest.approx([fmean(pair) for pair in zip(*(c.losses for c in apart), strict=True)], rel=1e-4)
