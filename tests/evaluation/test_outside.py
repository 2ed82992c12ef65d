"""Estimators of scikit-learn are baselines in one word, and what is no baseline gets a sentence."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import (
    dummy,
    ensemble,
    linear_model,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
)
from torch import nn

from quickstudy import evaluate, learners, metrics, tasks
from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import LearnerError, TaskError
from quickstudy.evaluation.baselines import baseline
from quickstudy.reports.compare import compare
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import generator_of


def source(**sizes: Any) -> FewShot:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(8).repeat_interleave(10)
    x = torch.randn(8, 2, 3, generator=generator)[labels] + 0.6 * torch.randn(80, 2, 3, generator=generator)
    return FewShot(from_arrays(x, labels, name="toys"), **({"ways": 3, "shots": 2, "queries": 4} | sizes))


def by_hand(estimator: Any, tasks: FewShot, count: int) -> list[float]:
    """Scikit-learn's own score, one task after another."""
    batch, scores = tasks.gather(tasks.plan(count, generator_of(0))), []
    for number in range(count):
        support, query = batch[number].support.trim(), batch[number].query.trim()
        fitted = estimator.fit(support.x.flatten(1).numpy(), support.labels.numpy())
        scores.append(float(fitted.score(query.x.flatten(1).numpy(), query.labels.numpy())))
    return scores


@pytest.mark.parametrize(
    "estimator",
    [
        linear_model.LogisticRegression(),
        neighbors.KNeighborsClassifier(1),
        svm.SVC(),
        naive_bayes.GaussianNB(),
        pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.RidgeClassifier()),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("ways", [3, (2, 5)], ids=["fixed", "varying"])
def test_an_estimator_scores_as_it_scores_itself(estimator: Any, ways: Any) -> None:
    report = evaluate(estimator, source(ways=ways), tasks=12)
    assert report.scores == pytest.approx(by_hand(estimator, source(ways=ways), 12))
    assert report.model == type(estimator).__name__ and report.metric == "accuracy"
    assert compare(report, evaluate(learners.NearestCentroid(), source(ways=ways), tasks=12)).differences


def test_probabilities_are_used_where_there_are_some() -> None:
    """The log-loss is that of predict_proba, and an estimator without it names classes."""
    found = evaluate(naive_bayes.GaussianNB(var_smoothing=0.1), source(), tasks=5, metrics=(metrics.log_loss,))
    task = source().gather(source().plan(5, generator_of(0)))[0]
    x, y = task.support.x.flatten(1).numpy(), task.support.labels.numpy()
    said = naive_bayes.GaussianNB(var_smoothing=0.1).fit(x, y).predict_proba(task.query.x.flatten(1).numpy())
    expected = -np.log(said[np.arange(len(said)), task.query.labels.numpy()]).mean()
    assert found.other("log_loss").scores[0] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(LearnerError, match="gives class numbers"):
        evaluate(svm.SVC(), source(), tasks=2, metrics=(metrics.log_loss,))


def test_a_class_that_needs_no_arguments_is_built_and_another_is_named() -> None:
    built = evaluate(naive_bayes.GaussianNB(), source(), tasks=4)
    assert evaluate(naive_bayes.GaussianNB, source(), tasks=4).scores == built.scores
    with pytest.raises(LearnerError, match=r"VotingClassifier needs estimators to be built.*VotingClassifier\(estimators=…\)"):
        evaluate(ensemble.VotingClassifier, source(), tasks=2)
    with pytest.raises(LearnerError, match=r"ProtoNet is a class.*ProtoNet\(\.\.\.\)"):
        evaluate(learners.ProtoNet, source(), tasks=2)


def test_an_estimator_stays_unfitted_and_its_report_can_be_repeated() -> None:
    forest = ensemble.RandomForestClassifier(5)
    first, second = (evaluate(forest, source(), tasks=3) for _ in range(2))
    assert first.scores == second.scores and not hasattr(forest, "estimators_") and forest.random_state is None


def test_regressors_and_labels() -> None:
    waves = Sinusoid(10, 20)
    line = evaluate(linear_model.LinearRegression(), waves, tasks=5)
    flat = evaluate(dummy.DummyRegressor, waves, tasks=5)
    assert line.metric == flat.metric == "mse" and flat.scores != line.scores
    task = waves.gather(waves.plan(5, generator_of(0)))[0]
    mean = task.support.y.mean()
    assert flat.scores[0] == pytest.approx(float(((task.query.y - mean) ** 2).mean()), rel=1e-4)


class Bits(tasks.Copy):
    """Bits that can be seen: each row's inputs are its targets."""

    def gather(self, plan: Any) -> Any:
        task = super().gather(plan)
        seen = task.support.replace(task.support.y)
        return type(task)(seen, seen)


@pytest.mark.parametrize(
    "model", [neighbors.KNeighborsClassifier(1), multioutput.MultiOutputClassifier(naive_bayes.BernoulliNB(alpha=1e-6))]
)
def test_labels_are_probabilities_of_each_bit(model: Any) -> None:
    found = evaluate(model, Bits(30, bits=3), tasks=3)
    assert found.metric == "bits" and found.mean == pytest.approx(0, abs=0.01)
    half = evaluate(dummy.DummyClassifier(strategy="uniform"), Bits(30, bits=3), tasks=3)
    assert half.mean == pytest.approx(90, rel=1e-5), "30 rows of 3 coins"


def test_the_other_kind_of_targets_is_refused() -> None:
    with pytest.raises(LearnerError, match="LinearRegression predicts values, but the tasks are of classes"):
        evaluate(linear_model.LinearRegression(), source(), tasks=2)
    with pytest.raises(LearnerError, match="GaussianNB names classes, but the tasks are of values"):
        evaluate(naive_bayes.GaussianNB(), Sinusoid(), tasks=2)


def test_what_cannot_be_fitted_is_named_with_the_task() -> None:
    says = r"^KNeighborsClassifier, task 0 .*could not predict after a support set of 6 rows: Expected n_neighbors"
    with pytest.raises(
        LearnerError,
        match=says,
    ):
        evaluate(neighbors.KNeighborsClassifier(50), source(), tasks=2)


def test_what_is_no_baseline_gets_a_sentence() -> None:
    learner = learners.ProtoNet(nn.Flatten())
    predictor = learner(source().sample(1)[0].support)
    for model, says in (
        (nn.Linear(6, 3), r"a Linear is a network and no learner.*MAML\(Linear\(\.\.\.\)\)"),
        (predictor, "has learned its task already"),
        (3, "a int cannot be evaluated"),
        ("ProtoNet", "a str cannot be evaluated"),
        (None, "a NoneType cannot be evaluated"),
    ):
        with pytest.raises(LearnerError, match=says):
            evaluate(model, source(), tasks=2)  # type: ignore[arg-type]


def test_a_function_of_arrays_reads_targets_as_the_source_says() -> None:
    """Bits look like columns of classes, and are none."""
    seen = []

    def looks(support_x: Any, support_y: Any, query_x: Any) -> Any:
        seen.append(support_y.shape)
        return np.full((len(query_x), 3), 0.5)

    assert evaluate(baseline(looks), Bits(4, bits=3), tasks=1).mean == 12.0 and seen == [(4, 3)]


def test_networks_of_scikit_learn_are_estimators() -> None:
    found = evaluate(neural_network.MLPClassifier((8,), max_iter=50, solver="lbfgs"), source(), tasks=2)
    assert len(found.scores) == 2


def test_an_error_of_one_s_own_function_names_the_task() -> None:
    """It keeps its kind; a note says where it was raised."""

    def breaks(support: Any) -> Any:
        raise ZeroDivisionError("own")

    with pytest.raises(ZeroDivisionError, match="own") as found:
        evaluate(breaks, source(), tasks=2)
    assert found.value.__notes__ == [f"This was raised by breaks in task 0 (the first is 0) of {source().name}."]


def test_infinite_answers_are_refused() -> None:
    with pytest.raises(LearnerError, match="answered infinite values in task 0"):
        evaluate(lambda s: lambda x: torch.full((len(x), 1), math.inf), Sinusoid(), tasks=2)
    with pytest.raises(LearnerError, match="answered NaN in task 0"):
        evaluate(lambda s: lambda x: torch.full((len(x), 3), math.inf), source(), tasks=2)
    one = evaluate(lambda s: lambda x: torch.tensor([[-math.inf, 0.0, -math.inf]]).expand(len(x), 3), source(), tasks=2)
    assert one.scores == pytest.approx((1 / 3, 1 / 3)), "a log-probability of −∞ is an answer"


def test_a_list_without_tasks_is_refused() -> None:
    with pytest.raises(TaskError, match="the list holds no tasks"):
        evaluate(learners.NearestCentroid(), source(), plan=source().plan(3)[:0])


def test_one_metric_alone_needs_no_tuple_and_what_is_none_is_refused() -> None:
    assert evaluate(learners.NearestCentroid(), source(), tasks=2, metrics=metrics.log_loss).other("log_loss").scores  # type: ignore[arg-type]
    with pytest.raises(LearnerError, match="'log_loss' is no metric"):
        evaluate(learners.NearestCentroid(), source(), tasks=2, metrics=("log_loss",))  # type: ignore[arg-type]
