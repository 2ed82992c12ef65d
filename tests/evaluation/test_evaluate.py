"""The evaluation: the same tasks for everybody, every row encoded once, baselines in one line, reports that keep everything."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import dummy, linear_model, neighbors
from torch import Tensor, nn

from quickstudy import Examples, Report, compare, datasets, evaluate, learners, train
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import ArtefactError, LearnerError, QuickstudyError, ShapeError, TaskError
from quickstudy.functional import Adam
from quickstudy.learner import Facts
from quickstudy.learners.metric.proto import Prototypes
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.tasks import FewShot, Mixture, Sinusoid
from quickstudy.tasks.source import generator_of

INPUTS = 6


def index(noise: float = 1.0, name: str = "toys") -> ClassIndex:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat_interleave(12)
    x = torch.randn(10, INPUTS, generator=generator)[labels] + noise * torch.randn(120, INPUTS, generator=generator)
    return datasets.from_arrays(x, labels, name=name)


def source(**options: Any) -> FewShot:
    return FewShot(index(), **({"ways": 4, "shots": 2, "queries": 5} | options))


class Counted(nn.Module):
    """An encoder with a stock batch norm that counts its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.rows = nn.Sequential(nn.Linear(INPUTS, 8), nn.BatchNorm1d(8), nn.ReLU()), 0

    def forward(self, x: Tensor) -> Tensor:
        self.rows += len(x)
        features: Tensor = self.body(x)
        return features


def by_hand(learner: Any, tasks: FewShot, count: int) -> list[float]:
    """One task after another, through the predictor."""
    batch = tasks.gather(tasks.plan(count, generator_of(0)))
    scores = []
    for number in range(count):
        task = batch[number]
        query = task.query.trim()
        predicted = learner(task.support.trim())(query.x).argmax(-1)
        scores.append(float((predicted == query.labels).float().mean()))
    return scores


@pytest.mark.parametrize("sizes", [{}, {"ways": (2, 6), "shots": (1, 4)}], ids=["fixed", "varying"])
def test_each_row_is_encoded_once_and_the_scores_are_those_of_single_tasks(sizes: dict[str, Any]) -> None:
    encoder = Counted()
    encoder(torch.randn(64, INPUTS))
    learner, tasks = learners.ProtoNet(encoder), source(**sizes)
    encoder.rows = 0
    report = evaluate(learner, tasks, tasks=80)
    timed = 10 * 6 * 4
    assert encoder.rows <= 120 + timed < 80 * 20, "each of the 120 rows once, and the supports of ten timed tasks"
    assert report.scores == pytest.approx(by_hand(learner, tasks, 80))


@pytest.mark.parametrize(
    "learner",
    [
        learners.ProtoNet(MLP(INPUTS, (8,))),
        learners.MAML(MLP(INPUTS, (8,), outputs=6, norm=True), inner_lr=0.3),
        learners.MAML(MLP(INPUTS, (8,), outputs=6, norm=True), inner_lr=0.3, norm="batch"),
        learners.Reptile(MLP(INPUTS, (8,), outputs=6), test_steps=3),
        learners.NearestNeighbours(3),
        learners.LogisticRegression(),
        learners.FineTune(MLP(INPUTS, (8,)), features=8, classes=10, rule=Adam(0.03), steps=3),
    ],
    ids=lambda learner: f"{type(learner).__name__}, {learner.facts.norm}",
)
def test_a_report_depends_on_learner_source_and_seed_alone(learner: Any) -> None:
    tasks = source(ways=(2, 6), shots=(1, 3))
    first = evaluate(learner, tasks, tasks=12)
    torch.manual_seed(77)
    state = torch.get_rng_state()
    for options in ({"batch": 1}, {"batch": 5, "strategy": "loop"}, {"batch": 100}):
        again = evaluate(learner, tasks, tasks=12, **options)
        assert again.scores == pytest.approx(first.scores, abs=1e-6) and again.digest == first.digest
    assert torch.equal(state, torch.get_rng_state())
    assert first.scores == pytest.approx(by_hand(learner, tasks, 12))
    assert evaluate(learner, tasks, tasks=12, seed=1).digest != first.digest


@pytest.mark.parametrize("mode", [True, False])
def test_evaluating_leaves_the_learner_as_it_was(mode: bool) -> None:
    for learner in (learners.ProtoNet(Counted()), learners.MAML(Counted().body, inner_lr=0.1)):
        learner.train(mode)
        before = {name: value.clone() for name, value in learner.state_dict().items()}
        evaluate(learner, source(), tasks=5)
        assert all(value.equal(before[name]) for name, value in learner.state_dict().items())
        assert learner.training is mode and all(p.grad is None for p in learner.parameters())


def test_test_steps_are_taken() -> None:
    torch.manual_seed(3)
    network = MLP(1, (24, 24), outputs=1)
    few, many = (learners.MAML(network, inner_lr=0.02, test_steps=n, likelihood=Gaussian()).train() for n in (0, 30))
    reports = [evaluate(learner, Sinusoid(10, 50, grid=True), tasks=40) for learner in (few, many)]
    assert reports[1].mean < reports[0].mean and reports[0].metric == "mse"


RIVALS = {
    "class numbers": lambda s: neighbors.KNeighborsClassifier(1).fit(s.x, s.labels).predict,
    "probabilities": lambda s: neighbors.KNeighborsClassifier(1).fit(s.x, s.labels).predict_proba,
    "tensors": lambda s: lambda x: (-100 * torch.cdist(x, s.x)).softmax(-1) @ s.y,
}


@pytest.mark.parametrize("kind", RIVALS)
def test_a_baseline_in_one_line_meets_the_same_tasks(kind: str) -> None:
    tasks = source(shots=1)
    ours, theirs = (evaluate(model, tasks, tasks=60) for model in (learners.NearestNeighbours(), RIVALS[kind]))
    assert ours.digest == theirs.digest and ours.source == theirs.source
    assert np.mean(np.array(ours.scores) == np.array(theirs.scores)) > 0.95
    assert theirs.state_bytes is None and theirs.seconds > 0 and not theirs.transductive
    assert compare(ours, theirs).p_value > 0.05


def test_baselines_of_values() -> None:
    tasks = Sinusoid(10, 20)
    flat = evaluate(lambda s: dummy.DummyRegressor().fit(s.x, s.y[:, 0]).predict, tasks, tasks=200)
    line = evaluate(lambda s: linear_model.LinearRegression().fit(s.x, s.y).predict, tasks, tasks=200)
    assert flat.metric == line.metric == "mse" and not flat.higher_is_better
    assert 3 < flat.mean < 6 and compare(flat, line).differences


def test_a_baseline_sees_no_padding() -> None:
    seen = []

    def baseline(support: Examples) -> Any:
        seen.append((len(support), float(support.mask.sum())))
        return lambda x: torch.zeros(len(x), 4)

    evaluate(baseline, source(shots=(1, 3)), tasks=20)
    assert all(rows == real for rows, real in seen) and len({rows for rows, _ in seen}) == 3


@pytest.mark.parametrize("shape", [(20, 3), (3,), (20, 4, 1)])
def test_a_baseline_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="for targets of shape"):
        evaluate(lambda support: lambda x: np.zeros(shape), source(), tasks=2)


def test_facts_and_sizes_are_reported() -> None:
    network = MLP(INPUTS, (8,), outputs=4, norm=True)
    support, batch = (evaluate(learners.MAML(network, norm=norm), source(), tasks=3) for norm in ("support", "batch"))
    assert (support.norm, support.transductive) == ("support", False) and "inductive" in str(support)
    assert (batch.norm, batch.transductive) == ("batch", True) and "transductive" in str(batch)
    weights = 4 * (INPUTS * 8 + 8 + 8 + 8 + 8 * 4 + 4)
    assert batch.state_bytes == weights + 4 * 4 and support.state_bytes == batch.state_bytes + 4 * 2 * 8
    proto = evaluate(learners.ProtoNet(nn.Flatten()), source(), tasks=3)
    assert proto.state_bytes == 4 * (4 * INPUTS + 4) and proto.seconds > 0
    assert proto.row()["tasks"] == "3" and proto.model == "ProtoNet" and "toys 4-way 2-shot" in proto.source


def test_a_report_survives_json(tmp_path: Path) -> None:
    report = evaluate(learners.NearestCentroid(), source(), tasks=30)
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["mean"] == report.mean and found["interval"] == list(report.interval) and len(found["scores"]) == 30
    one = replace(report, scores=(0.5,))
    one.save(tmp_path / "one.json")
    assert Report.load(tmp_path / "one.json") == one and one.interval == (-math.inf, math.inf)
    for damage in ("", "{}", "[1]", '{"scores": 1}', found["model"]):
        (tmp_path / "bad.json").write_text(damage)
        with pytest.raises(ArtefactError, match="not a report"):
            Report.load(tmp_path / "bad.json")
    with pytest.raises(ArtefactError):
        Report.load(tmp_path / "missing.json")


def test_reports_on_other_tasks_do_not_compare() -> None:
    def evaluated(tasks: Any = None, count: int = 10, seed: int = 0) -> Report:
        return evaluate(learners.NearestCentroid(), tasks or source(), tasks=count, seed=seed)

    base = evaluated()
    assert compare(base, evaluated()).difference == 0
    others = [
        evaluated(seed=1),
        evaluated(count=11),
        evaluated(source(shots=1)),
        evaluated(source(queries=6)),
        evaluated(FewShot(index(noise=0.9), 4, 2, 5)),
        evaluated(FewShot(index(name="others"), 4, 2, 5)),
    ]
    for other in others:
        with pytest.raises(TaskError, match="different tasks"):
            compare(base, other)
    assert len({report.digest for report in [base, *others]}) == 7


def test_mixtures_are_evaluated() -> None:
    tasks = Mixture([source(), source(ways=2)])
    report = evaluate(learners.NearestCentroid(), tasks, tasks=40)
    assert len(report.scores) == 40 and report.mean > 0.4
    assert evaluate(learners.NearestCentroid(), tasks, tasks=40, batch=3).scores == report.scores


class Draws(learners.ProtoNet):
    facts = Facts(stochastic=True)

    def adapt(self, support: Examples) -> Prototypes:
        means, counts = super().adapt(support)
        return Prototypes(means + torch.randn_like(means), counts)


def test_a_stochastic_learner_is_evaluated_repeatably() -> None:
    learner = Draws(nn.Flatten())
    first, second = (evaluate(learner, source(), tasks=20, seed=2) for _ in range(2))
    assert first.scores == second.scores != evaluate(learner, source(), tasks=20, seed=3).scores


def test_an_encoder_whose_features_depend_on_their_company_is_refused() -> None:
    encoder = nn.Sequential(nn.Linear(INPUTS, 8), nn.BatchNorm1d(8, track_running_stats=False))
    with pytest.raises(LearnerError, match=r"encoder\.1 \(BatchNorm1d\).*track_running_stats=True"):
        evaluate(learners.ProtoNet(encoder), source(), tasks=2)
    evaluate(learners.MAML(nn.Sequential(encoder, nn.Linear(8, 4))), source(), tasks=2)


def test_progress_is_told_to_the_end() -> None:
    for model in (learners.NearestCentroid(), RIVALS["class numbers"]):
        told: list[tuple[int, int]] = []
        evaluate(model, source(), tasks=7, batch=3, progress=lambda done, of, told=told: told.append((done, of)))  # type: ignore[misc]
        assert told[-1] == (7, 7) and [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_network_narrower_than_the_ways_is_refused_everywhere() -> None:
    learner = learners.MAML(MLP(INPUTS, (8,), outputs=3))
    message = r"the network has 3 outputs, but the task has 4 ways\. Build the network with at least 4 outputs"
    with pytest.raises(ShapeError, match=message):
        learner(source().sample(1)[0].support)
    for strategy in ("auto", "vmap", "loop"):
        with pytest.raises(ShapeError, match=message):
            evaluate(learner, source(), tasks=3, strategy=strategy)
        with pytest.raises(ShapeError, match=message):
            optimizer = torch.optim.Adam(learner.parameters())
            next(train(learner, source(), steps=1, batch=2, optimizer=optimizer, strategy=strategy))


def test_values_of_another_width_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 outputs"):
        evaluate(learners.MAML(MLP(1, outputs=2), likelihood=Gaussian()), Sinusoid(), tasks=2)


@pytest.mark.parametrize("options", [{"tasks": 0}, {"tasks": -1}])
def test_a_report_needs_tasks(options: dict[str, Any]) -> None:
    with pytest.raises(QuickstudyError):
        evaluate(learners.NearestCentroid(), source(), **options)
