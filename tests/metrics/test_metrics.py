"""Metrics: known values, agreement with a count by hand, refusals with a remedy, and their way into a report."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import gaussian_process, neighbors
from torch import Tensor, nn

from quickstudy import evaluate, learners, metrics
from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import LearnerError, ShapeError, TaskError
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.metrics.predicted import Predicted
from quickstudy.nn.mlp import MLP
from quickstudy.reports.compare import compare
from quickstudy.reports.report import Report
from quickstudy.reports.score import Score
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.open_set import OpenSet
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import generator_of


def source(**sizes: Any) -> FewShot:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(10).repeat_interleave(12)
    x = torch.randn(10, 6, generator=generator)[labels] + 0.8 * torch.randn(120, 6, generator=generator)
    return FewShot(from_arrays(x, labels, name="toys"), **({"ways": 4, "shots": 2, "queries": 5} | sizes))


def classes(probabilities: list[list[float]]) -> Predicted:
    return Predicted.of(torch.tensor(probabilities).log(), Categorical())


def test_metrics_of_classes_by_hand() -> None:
    said = classes([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.4, 0.5, 0.1], [0.25, 0.25, 0.5]])
    y = torch.eye(3)[[0, 1, 0, 2]]
    assert metrics.accuracy(said, y) == 0.75
    assert metrics.log_loss(said, y) == pytest.approx(-np.log([0.7, 0.8, 0.4, 0.5]).mean(), abs=1e-6)
    assert metrics.macro_f1(said, y) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert metrics.mean_iou(said, y) == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert metrics.auroc(said, y) == 1.0  # each class's own probability is highest where it is true


def test_areas_of_two_ways_are_those_of_class_one() -> None:
    said = classes([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    y = torch.eye(2)[[0, 0, 1, 1]]
    assert metrics.auroc(said, y) == 0.75  # three of four pairs in order
    assert metrics.auprc(said, y) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert metrics.delta_auprc(said, y) == pytest.approx(metrics.auprc(said, y) - 0.5)
    assert math.isnan(metrics.auroc(said, torch.eye(2)[[1, 1, 1, 1]]))


def test_iou_of_pixels() -> None:
    y = torch.nn.functional.one_hot(torch.tensor([[[0, 0], [1, 1]]])).movedim(-1, 1).float()
    said = torch.nn.functional.one_hot(torch.tensor([[[0, 1], [1, 1]]])).movedim(-1, 1).float()
    assert metrics.mean_iou(Predicted(said, Categorical(), "probabilities"), y) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_a_calibrated_model_has_no_calibration_error_and_an_overconfident_one_has_its_excess() -> None:
    generator = torch.Generator().manual_seed(0)
    sure = 0.5 + 0.5 * torch.rand(40_000, generator=generator)
    right = torch.rand(40_000, generator=generator) < sure
    said = torch.stack([sure, 1 - sure], 1)
    y = torch.eye(2)[(~right).long()]
    assert metrics.calibration_error(Predicted.of(said.log(), Categorical()), y) < 0.012
    bold = torch.tensor([[0.99, 0.01]]).expand(len(y), 2)
    excess = 0.99 - float(right.double().mean())
    assert metrics.calibration_error(Predicted.of(bold.log(), Categorical()), y) == pytest.approx(excess, abs=1e-4)
    counts, confidence, accuracy = metrics.reliability(Predicted.of(said.log(), Categorical()), y, bins=10)
    assert counts[:5].sum() == 0 and counts.sum() == 40_000
    assert (confidence[5:] - accuracy[5:]).abs().max() < 0.03


def test_abstention_counts_pairs_in_order() -> None:
    said = classes([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.45, 0.55]])
    y = torch.tensor([[1.0, 0], [0, 1], [0, 0], [0, 0]])
    assert metrics.abstention_auroc(said, y) == 0.75
    assert metrics.accuracy(said, y) == 1.0 and math.isnan(metrics.abstention_auroc(said[:2], y[:2]))
    assert math.isnan(metrics.log_loss(said[2:], y[2:])) and math.isnan(metrics.macro_f1(said[2:], y[2:]))


def test_metrics_of_values_by_hand() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(20_000, 1, generator=generator)
    honest, shy = (Predicted.of(torch.zeros(20_000, 1), Gaussian(variance=v)) for v in (1.0, 9.0))
    assert metrics.coverage_90(honest, y) == pytest.approx(0.9, abs=0.01) and metrics.coverage_90(shy, y) > 0.999
    assert metrics.coverage_95(honest, y) == pytest.approx(0.95, abs=0.01)
    assert metrics.width_90(shy, y) == pytest.approx(3 * metrics.width_90(honest, y))
    assert metrics.gaussian_nll(honest, y) == pytest.approx(0.5 * math.log(2 * math.pi) + 0.5, abs=0.02)
    assert metrics.gaussian_nll(honest, y) < metrics.gaussian_nll(shy, y)
    assert metrics.mse(honest, y) == pytest.approx(1, abs=0.03)


def test_ndcg_by_hand() -> None:
    said = Predicted.of(torch.tensor([[3.0], [2.0], [1.0]]), Gaussian())
    gains = torch.tensor([[0.0], [1.0], [2.0]])
    best = 2 + 1 / math.log2(3)
    assert metrics.ndcg(said, gains) == pytest.approx((1 / math.log2(3) + 2 / 2) / best)
    assert metrics.ndcg_at(2)(said, gains) == pytest.approx(1 / math.log2(3) / best)
    assert math.isnan(metrics.ndcg(said, torch.zeros(3, 1)))
    with pytest.raises(LearnerError, match="one gain of 0 or more"):
        metrics.ndcg(said, -gains)


@pytest.mark.parametrize("sizes", [{}, {"ways": (2, 5), "shots": (1, 3)}], ids=["fixed", "varying"])
@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_learner_s_metrics_are_those_of_its_predictor(sizes: dict[str, Any], strategy: Any) -> None:
    torch.manual_seed(0)
    learner, tasks = learners.ProtoNet(MLP(6, (8,))), source(**sizes)
    wanted = (metrics.accuracy, metrics.log_loss, metrics.macro_f1, metrics.auroc, metrics.ece)
    seen: list[tuple[Predicted, Tensor]] = []
    report = evaluate(learner, tasks, tasks=12, strategy=strategy, metrics=wanted, watch=lambda p, y: seen.append((p, y)))
    assert [score.metric for score in report.others] == ["accuracy", "log_loss", "macro_f1", "auroc", "ece"]
    assert report.other("accuracy").scores == pytest.approx(report.scores)
    plain = evaluate(learner, tasks, tasks=12, strategy=strategy)
    assert plain.scores == report.scores and plain.others == ()
    batch = tasks.gather(tasks.plan(12, generator_of(0)))
    for number in range(12):
        query = batch[number].query.trim()
        probabilities = learner(batch[number].support.trim()).probabilities(query.x)
        loss = -torch.xlogy(query.y, probabilities).sum(1).mean()
        assert report.other("log_loss").scores[number] == pytest.approx(float(loss), abs=1e-5)
    together = metrics.calibration_error(*metrics.pool(seen))
    ece = report.other("ece")
    assert ece.pooled and ece.value == pytest.approx(together) and ece.interval[0] < ece.value < ece.interval[1]
    assert "pooled" in ece.kind and f"{sum(len(y) for _, y in seen):,} queries" in ece.kind


def test_reports_with_metrics_are_kept_and_compared_by_them(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tasks = source(ways=2, queries=1)
    wanted = (metrics.log_loss, metrics.ece, metrics.auroc)
    a, b = (evaluate(m, tasks, tasks=30, metrics=wanted) for m in (learners.NearestCentroid(), learners.LogisticRegression()))
    a.save(tmp_path / "a.json")
    again = Report.load(tmp_path / "a.json")
    assert again.scores == a.scores and again.other("log_loss") == a.other("log_loss") and again.other("ece") == a.other("ece")
    pair = compare(a.by("log_loss"), b.by("log_loss"))
    assert pair.metric == "log_loss" and pair.difference == pytest.approx(a.other("log_loss").value - b.other("log_loss").value)
    with pytest.raises(TaskError, match="Compare a metric of single tasks"):
        a.by("ece")
    with pytest.raises(TaskError, match="has no coverage_90; it has log_loss, ece, auroc"):
        a.by("coverage_90")
    old = {name: value for name, value in a.to_json().items() if name not in ("others", "apart")}
    assert Report.from_json(old).scores == a.scores and Report.from_json(old).others == ()


def test_a_task_of_which_a_metric_says_nothing_is_left_out_and_counted() -> None:
    score = Score.of_tasks("auroc", True, [0.5, math.nan, 0.7])
    assert score.value == pytest.approx(0.6) and "2 of 3 tasks" in score.kind
    report = evaluate(learners.NearestCentroid(), source(), tasks=3)
    kept = Report.from_json(report.to_json() | {"others": [{**score.__dict__, "scores": [0.5, None, 0.7]}]})
    assert math.isnan(kept.other("auroc").scores[1]) and kept.other("auroc").value == score.value
    with pytest.raises(TaskError, match="no number to be compared"):
        kept.by("auroc")


def test_the_worst_decile() -> None:
    one = replace(evaluate(learners.NearestCentroid(), source(), tasks=1), classes=None)
    scores = tuple(number / 100 for number in range(100))
    hits = replace(one, scores=scores).worst_decile
    errors = replace(one, metric="mse", higher_is_better=False, scores=scores).worst_decile
    assert hits.value == pytest.approx(0.045) and errors.value == pytest.approx(0.945)
    assert hits.interval[0] < 0.045 < hits.interval[1] and hits.metric == "accuracy, worst decile of tasks"


RIVALS = {
    "numbers": lambda s: neighbors.KNeighborsClassifier(3).fit(s.x, s.labels).predict,
    "probabilities": lambda s: neighbors.KNeighborsClassifier(3).fit(s.x, s.labels).predict_proba,
    "scores": lambda s: lambda x: -torch.cdist(x, s.x) @ s.y,
}


def test_functions_are_evaluated_by_what_they_say() -> None:
    for kind, baseline in RIVALS.items():
        found = evaluate(baseline, source(), tasks=10, metrics=(metrics.accuracy, metrics.macro_f1))
        assert found.other("accuracy").scores == pytest.approx(found.scores), kind
    both = evaluate(RIVALS["probabilities"], source(), tasks=10, metrics=(metrics.log_loss, metrics.ece))
    assert math.isfinite(both.other("log_loss").value) and 0 < both.other("ece").value < 1
    for kind in ("numbers", "scores"):
        with pytest.raises(LearnerError, match="predict_proba instead of predict"):
            evaluate(RIVALS[kind], source(), tasks=2, metrics=(metrics.log_loss,))
    with pytest.raises(LearnerError, match="names classes"):
        evaluate(RIVALS["probabilities"], source(), tasks=2, metrics=(metrics.mse,))
    with pytest.raises(LearnerError, match="the same name"):
        evaluate(RIVALS["scores"], source(), tasks=2, metrics=(metrics.accuracy, metrics.accuracy))


def test_functions_of_values_may_state_their_spread() -> None:
    waves = Sinusoid(10, 20)
    wanted = (metrics.mse, metrics.gaussian_nll, metrics.coverage_90)

    def process(support: Any) -> Any:
        kernel = gaussian_process.kernels.RBF(2.0) * 4.0
        fitted = gaussian_process.GaussianProcessRegressor(kernel, alpha=1e-3, optimizer=None).fit(support.x, support.y[:, 0])
        return lambda x: fitted.predict(x, return_std=True)

    report = evaluate(process, waves, tasks=20, metrics=wanted)
    assert report.metric == "mse" and report.other("mse").scores == pytest.approx(report.scores, rel=1e-4)
    assert 0.6 < report.other("coverage_90").value <= 1 and report.other("coverage_90").higher_is_better is None
    with pytest.raises(LearnerError, match="return_std=True"):
        evaluate(lambda s: lambda x: 0 * x, waves, tasks=2, metrics=wanted)
    with pytest.raises(ShapeError, match="must be positive"):
        evaluate(lambda s: lambda x: (0 * x, 0 * x), waves, tasks=2, metrics=wanted)
    with pytest.raises(LearnerError, match="needs classes"):
        evaluate(lambda s: lambda x: 0 * x, waves, tasks=2, metrics=(metrics.accuracy,))
    maml = evaluate(learners.MAML(MLP(1, (8,), outputs=1), likelihood=Gaussian()), waves, tasks=5, metrics=wanted)
    assert maml.other("gaussian_nll").scores == pytest.approx([s + 0.5 * math.log(math.pi) for s in maml.scores], rel=1e-4)


def test_a_learner_that_knows_its_classes_abstains_better_than_chance() -> None:
    tasks = OpenSet(source().index, 4, 5, 5, unknown=2)
    report = evaluate(learners.ProtoNet(nn.Flatten()), tasks, tasks=40, metrics=(metrics.abstention_auroc, metrics.accuracy))
    abstention = report.other("abstention_auroc")
    assert abstention.interval[0] > 0.5 and len(abstention.scores) == 40
    assert report.other("accuracy").scores == pytest.approx(report.scores)


def test_a_function_of_one_s_own_is_a_metric() -> None:
    def least_sure(predicted: Predicted, y: Tensor) -> Tensor:
        return predicted.probabilities.amax(1).min()

    report = evaluate(learners.NearestCentroid(), source(), tasks=8, metrics=(least_sure, metrics.pooled(metrics.log_loss)))
    assert 0.25 <= report.other("least_sure").value < 1 and report.other("least_sure").higher_is_better
    assert report.other("log_loss").pooled and not report.other("log_loss").higher_is_better
