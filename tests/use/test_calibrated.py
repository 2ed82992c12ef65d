"""Thresholds on meta-validation tasks with unknown classes: what they keep and accept on other tasks of the same kind."""

from dataclasses import replace

import pytest
import torch

from quickstudy import Examples, datasets, evaluate, learners
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import ArtefactError, DataError, LearnerError, TaskError
from quickstudy.likelihood import Gaussian
from quickstudy.metrics.rejection import NONE_OF_THESE, Threshold, threshold_of
from quickstudy.nn import MLP
from quickstudy.saving.kept import kept_support, kept_threshold
from quickstudy.tasks.open_set import OpenSet
from quickstudy.use.calibrated import calibrated, open_tasks, tasks_threshold
from quickstudy.use.own_report import own_report
from quickstudy.use.own_support import left_out
from quickstudy.use.updated import updated


def blobs(classes: int = 20, each: int = 20, seed: int = 0) -> ClassIndex:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(each)
    centres = torch.randn(classes, 8, generator=generator)[labels]
    return datasets.from_arrays(centres + 0.4 * torch.randn(len(labels), 8, generator=generator), labels, name="blobs")


def support(ways: int = 4, shots: int = 3) -> Examples:
    return blobs(ways, shots, seed=5).examples()


def test_tasks_are_like_the_predictors_own() -> None:
    predictor = learners.ProtoNet(torch.nn.Flatten())(support(4, 3))
    source = open_tasks(predictor, blobs())
    assert isinstance(source, OpenSet) and source.unknown == 5 and source.shots == (3, 3) and source.queries == 5
    task = source.sample(1)[0]
    assert task.support.y.shape == (12, 4) and int((task.query.y.sum(1) == 0).sum()) == 25
    with pytest.raises(TaskError, match="has 4 classes, too few for tasks of 4 ways"):
        open_tasks(predictor, blobs(4))
    with pytest.raises(TaskError, match="classes of 3 examples, too few for 3 shots and a query"):
        open_tasks(predictor, blobs(8, 3))


def test_the_rates_hold_on_other_tasks() -> None:
    learner = learners.ProtoNet(torch.nn.Flatten())
    predictor = learner(support())
    source = open_tasks(predictor, blobs())
    found = tasks_threshold(predictor, source, tasks=200)
    assert found.false_rejects == pytest.approx(0.05, abs=0.002) and found.source.startswith("200 meta-validation tasks: blobs")
    right, unknown = [], []

    def look(predicted, y) -> None:  # type: ignore[no-untyped-def]
        sure, best = predicted.probabilities.max(1)
        right.append(sure[(y.sum(1) > 0) & (y.argmax(1) == best)])
        unknown.append(sure[y.sum(1) == 0])

    evaluate(learner, source, tasks=200, seed=99, watch=look)
    assert float((torch.cat(right) < found.least).float().mean()) == pytest.approx(0.05, abs=0.015)
    assert float((torch.cat(unknown) >= found.least).float().mean()) == pytest.approx(found.false_accepts, abs=0.03)
    assert found.right == pytest.approx(200 * 20, rel=0.1) and found.unknown == 200 * 25
    named = calibrated(predictor, source, tasks=20)
    assert named.threshold is not None and named.threshold.source.startswith("20 meta-validation tasks")
    assert named.names(torch.full((1, 8), 0.0)) in ([NONE_OF_THESE], predictor.names(torch.full((1, 8), 0.0)))


def test_what_cannot_be_calibrated() -> None:
    with pytest.raises(LearnerError, match="names no classes"):
        calibrated(learners.R2D2(MLP(8, (4,)), likelihood=Gaussian())(Examples.of(torch.randn(4, 8), [0.5, 1.0, 2.0, 3.5])))
    predictor = learners.NearestCentroid()(support(2, 1))
    with pytest.raises(LearnerError, match="nothing to calibrate"):
        calibrated(predictor)
    with pytest.raises(LearnerError, match="a class has the name"):
        calibrated(learners.NearestCentroid()(support(2, 2), ["a", NONE_OF_THESE]))
    with pytest.raises(LearnerError, match="does not keep its support set"):
        calibrated(replace(predictor, support=None))
    with pytest.raises(LearnerError, match="there is none"):
        threshold_of(torch.empty(0), None, "nothing")
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(DataError, match="threshold="):
            Threshold(wrong)


@pytest.mark.parametrize("found", [{"least": 2.0}, {"least": "x"}, {"most": 1}, {"least": 0.5, "source": 3}, [0.5]])
def test_forged_thresholds_are_refused(found: object) -> None:
    with pytest.raises(ArtefactError, match=r"describes its threshold wrongly.*altered"):
        kept_threshold({"threshold": found}, "file")


TWO = torch.eye(2)
NO_SUPPORT: list[object] = [3, {}, {"x": TWO}, {"x": TWO, "y": torch.ones(3, 1)}, {"x": TWO, "y": torch.ones(2)}]
NO_SUPPORT += [{"x": TWO / 0, "y": TWO}, {"x": "x", "y": TWO}, {"x": [], "y": TWO}, {"x": TWO, "y": TWO.long()}]


@pytest.mark.parametrize("found", NO_SUPPORT)
def test_forged_support_sets_are_refused(found: object) -> None:
    with pytest.raises(ArtefactError, match=r"holds no support set.*altered"):
        kept_support(found, "file")


def test_a_report_in_words() -> None:
    predictor = learners.ProtoNet(torch.nn.Flatten())(support(3, 4), ["a", "b", "c"])
    words = own_report(predictor, [f"row {n}" for n in range(12)]).sentences()
    assert words[0].startswith("On your own examples, left out one by one: accuracy 100.0 % (95 % Wilson interval over 12")
    assert words[1].startswith("From 1 to 2 examples: accuracy ") and words[1].endswith("More than 2 were not tried.")
    alone = own_report(learners.ProtoNet(torch.nn.Flatten())(support(3, 1))).sentences()
    assert alone == ["Cannot be evaluated on your own examples: each class has a single one. Give two or more of each."]
    mixed = Examples.of(torch.randn(5, 8), [0, 0, 1, 1, 2])
    said = own_report(learners.ProtoNet(torch.nn.Flatten())(mixed, ["a", "b", "c"])).sentences()
    assert "Not in this number: the class c, with a single example each." in said
    assert own_report(predictor).to_json()["score"]["value"] == 1.0


def test_what_was_left_out_already_is_not_left_out_again() -> None:
    predictor = learners.ProtoNet(torch.nn.Flatten())(support(3, 4))
    found = left_out(predictor)
    assert calibrated(predictor, found=found).threshold == calibrated(predictor).threshold
    assert own_report(predictor, found=found).left is found


def test_copies_are_counted_and_said() -> None:
    learner, few = learners.ProtoNet(torch.nn.Flatten()), support(3, 2)
    again = updated(learner(few), few)
    report = own_report(again)
    assert report.copies == 6 and own_report(learner(few)).copies == 0
    assert report.sentences()[1].startswith("6 examples equal another one, so this number is too good")
