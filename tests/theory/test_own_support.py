"""A user's own examples: left-out predictions, curve, suspects and thresholds against sums done by hand."""

import math
from fractions import Fraction

import pytest
import torch
from scipy.stats import binomtest

from quickstudy import Examples, learners
from quickstudy.learner import Predictor
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.metrics.rejection import threshold_of
from quickstudy.nn import MLP
from quickstudy.reports.intervals import interval_of_share
from quickstudy.use.calibrated import own_threshold
from quickstudy.use.mislabelled import mislabelled
from quickstudy.use.own_support import LeftOut, folds_of, left_out
from quickstudy.use.shots_curve import shots_curve

POINTS, LABELS = [0.0, 1.0, 5.0, 10.0, 11.0], [0, 0, 0, 1, 1]


def centroids(points: list[float] = POINTS, labels: list[int] = LABELS) -> Predictor:
    """``p(n | x) ∝ exp(−(x − mean of class n)²)`` on a line."""
    support = Examples.of([[point] for point in points], labels)
    return learners.ProtoNet(torch.nn.Flatten())(support, [f"class {n}" for n in range(max(labels) + 1)])


def by_hand(row: int, points: list[float] = POINTS, labels: list[int] = LABELS) -> list[float]:
    """Probabilities of the classes for one point, means of the others."""
    others = [(point, label) for place, (point, label) in enumerate(zip(points, labels, strict=True)) if place != row]
    weights = []
    for label in range(max(labels) + 1):
        mine = [point for point, its in others if its == label]
        weights.append(math.exp(-((points[row] - sum(mine) / len(mine)) ** 2)))
    return [weight / sum(weights) for weight in weights]


def test_each_example_is_predicted_from_the_means_of_the_others() -> None:
    found = left_out(centroids())
    wanted = torch.tensor([by_hand(row) for row in range(len(POINTS))])
    assert torch.allclose(found.probabilities, wanted, atol=1e-6) and found.folds == 5
    # the means of the others of their class: 3, 2.5, 0.5 against 10.5; 11 and 10 against 2: all five are right
    assert found.score is not None and found.score.value == 1.0
    moved = left_out(centroids([0.0, 1.0, 9.0, 10.0, 11.0]))
    assert moved.score is not None and moved.score.value == 0.8, "9 is nearer to 10.5 than to 0.5"


def test_the_only_example_of_a_class_is_not_left_out() -> None:
    found = left_out(centroids([0.0, 1.0, 10.0, 11.0, 20.0], [0, 0, 1, 1, 2]))
    assert found.tried.tolist() == [True, True, True, True, False] and found.alone == ("class 2",)
    assert bool(found.outputs[4].isnan().all()) and found.score is not None and len(found.score.scores) == 4
    none = left_out(centroids([0.0, 1.0], [0, 1]))
    assert none.score is None and none.folds == 0 and none.alone == ("class 0", "class 1")


def test_values_are_predicted_by_ridge_regression_on_the_others() -> None:
    x = torch.randn(9, 3, dtype=torch.double)
    y = x @ torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.double) + 0.1 * torch.randn(9, 1, dtype=torch.double)
    learner = learners.R2D2(torch.nn.Flatten(), penalty=0.5, likelihood=Gaussian()).double()
    predictor = learner(Examples(x, y, torch.ones(9, dtype=torch.double)))
    found = left_out(predictor)
    direct = [
        learner.predict(learner.adapt(Examples(x[keep], y[keep], torch.ones(8, dtype=torch.double))), x[row : row + 1])
        for row in range(9)
        if (keep := [other for other in range(9) if other != row])
    ]
    assert torch.allclose(found.outputs, torch.cat(direct), atol=1e-12)
    errors = ((torch.cat(direct) - y) ** 2).detach().flatten()
    assert found.score is not None and found.score.value == pytest.approx(float(errors.mean()))
    means = torch.stack([(y.sum() - y[row]) / 8 for row in range(9)])
    assert found.score_of_mean == pytest.approx(float(((means - y) ** 2).mean()))


def test_folds_of_many_examples_are_even_and_never_hold_a_whole_class() -> None:
    labels = torch.cat([torch.full((count,), number) for number, count in enumerate((2, 1, 40, 37))])
    fold = folds_of(labels)
    assert fold[labels == 1].tolist() == [-1] and set(fold[fold >= 0].tolist()) == set(range(10))
    assert len(set(fold[labels == 0].tolist())) == 2
    sizes = torch.stack([torch.bincount(fold[labels == number], minlength=10) for number in (2, 3)])
    assert int(sizes.max()) == 4 and int(sizes.min()) == 3
    assert folds_of(labels).equal(fold) and not folds_of(labels, seed=1).equal(fold)
    assert folds_of(torch.tensor([0] * 30 + [1] * 30)).tolist() == list(range(60))


def test_folds_and_single_examples_agree_where_a_fold_is_one() -> None:
    predictor = centroids(POINTS * 13, LABELS * 13)  # 65 examples: ten folds
    found = left_out(predictor)
    support = predictor.support
    assert support is not None and found.folds == 10
    fold = folds_of(support.labels)
    for number in range(10):
        others = support[fold != number]
        state = predictor.learner.adapt(others)
        assert torch.equal(found.outputs[fold == number], predictor.learner.predict(state, support.x[fold == number]))


@pytest.mark.parametrize(("right", "count"), [(0, 5), (3, 7), (20, 20), (95, 100)])
def test_the_interval_of_a_share_is_wilsons(right: int, count: int) -> None:
    wanted = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert interval_of_share(float(Fraction(right, count)), count) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_the_curve_is_exact_where_every_draw_is_the_same() -> None:
    # one of two examples of each class is in the support set and the other is predicted: 4 equally probable draws
    predictor = centroids([0.0, 4.0, 7.0, 11.0], [0, 0, 1, 1])
    (point,) = shots_curve(predictor, draws=400)
    # support (0, 7): 4 -> class 1 (|4−7| < |4−0|), 11 right: 1/2; (0, 11): 4 right, 7 right: 1;
    # support (4, 7): 0 right, 11 right: 1; (4, 11): 0 right, 7 -> class 0 (3 < 4): 1/2
    assert point.shots == 1 and point.queries == 2 and set(point.scores) == {0.5, 1.0}
    assert point.mean == pytest.approx(0.75, abs=4 * 0.25 / math.sqrt(400))


def test_draws_of_all_shots_predict_the_same_examples() -> None:
    points = shots_curve(centroids([float(n) for n in range(12)], [0] * 6 + [1] * 6), draws=5)
    assert [point.shots for point in points] == [1, 2, 5] and {point.queries for point in points} == {2}
    assert [point.shots for point in shots_curve(centroids(), draws=2)] == [1, 2], "half of the classes have more than 2"


def test_suspects_by_hand() -> None:
    # rows of left-out probabilities; t_0 is the log-odds of median(.9, .2, .8) = .8, t_1 lies between those of .7 and .6
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    y = torch.nn.functional.one_hot(torch.tensor([0, 0, 0, 1, 1]), 2).float()
    found = LeftOut(p.log(), y, torch.ones(5, dtype=torch.bool), 5, (), Categorical())
    (suspect,) = mislabelled(found)
    assert (suspect.row, suspect.label, suspect.likelier) == (1, 0, 1)
    assert suspect.own == pytest.approx(0.2) and suspect.other == pytest.approx(0.8)
    # the same error is none where the other class's own examples are surer: t_1 = .9
    p[3:] = torch.tensor([[0.1, 0.9], [0.1, 0.9]])
    assert mislabelled(LeftOut(p.log(), y, found.tried, 5, (), Categorical())) == []


def test_errors_of_a_learner_that_is_always_sure_are_suspect_only_where_they_are_as_sure() -> None:
    # squared distances in the hundreds: every probability is 1 in single precision, log-odds are not
    points, labels = [0.0, 1.0, 2.0, 3.0, 60.0, 99.0, 100.0, 101.0, 102.0, 103.0], [0] * 5 + [1] * 5
    found = left_out(centroids(points, labels))
    wrong = (found.outputs.argmax(1) != torch.tensor(labels)).nonzero().flatten().tolist()
    assert wrong == [4] and mislabelled(found) == [], "60 is nearer to 101 than to 1.5, but far less sure than 99 to 103"
    assert float(found.probabilities[4].max()) == 1.0


def test_a_swapped_label_is_found_first() -> None:
    points = [float(n) / 10 for n in range(10)] + [5 + float(n) / 10 for n in range(10)]
    labels = [0] * 10 + [1] * 10
    labels[3], labels[15] = 1, 0
    assert {each.row for each in mislabelled(left_out(centroids(points, labels)))} == {3, 15}


@pytest.mark.parametrize("count", [1, 19, 20, 40, 101])
def test_a_threshold_keeps_the_share_it_should(count: int) -> None:
    right = torch.arange(1, count + 1) / (count + 1)
    found = threshold_of(right.flip(0), right, "an example")
    rejected = count // 20
    assert found.false_rejects == pytest.approx(rejected / count) and found.right == count
    assert found.least == pytest.approx(float(right[rejected]), abs=1e-4) and found.least <= float(right[rejected])
    assert found.false_accepts == pytest.approx(1 - rejected / count)


def test_what_an_unknown_class_gets_is_measured_class_by_class() -> None:
    # far apart: what is known is sure of its class; a class that is left out lies in the middle of two others, or beyond them
    points, labels = [-10.0, -9.0, 0.4, -0.4, 9.0, 10.0], [0, 0, 1, 1, 2, 2]
    found = own_threshold(centroids(points, labels))
    # left out one by one every answer is right with p ≈ 1, so that t ≈ 1; without class 1, ±0.4 lies 9.9 and 9.1 from the means
    # ∓9.5: p = 1 / (1 + exp(−(9.9² − 9.1²))) = 1 − 2.5e−7, accepted; classes 0 and 2 lie beyond the others: accepted
    assert found.right == 6 and found.unknown == 6 and found.false_accepts == 1.0 and found.false_rejects == 0.0
    middle = own_threshold(centroids([-10.0, -9.0, 0.01, -0.01, 9.0, 10.0], labels))
    # now 1 / (1 + exp(−(9.51² − 9.49²))) = 0.594, below t: two of six are rejected
    assert middle.false_accepts == pytest.approx(4 / 6)
    two = own_threshold(centroids())
    assert two.false_accepts is None and two.unknown == 0 and "is not known" in str(two)


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    support = Examples.of([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    predictor = learners.MAML(MLP(1, (8,), outputs=2), inner_lr=0.1, inner_steps=2)(support)
    before = torch.random.get_rng_state()
    first, second = left_out(predictor), left_out(predictor)
    assert torch.equal(first.outputs, second.outputs) and torch.equal(torch.random.get_rng_state(), before)
    assert shots_curve(predictor, draws=3) == shots_curve(predictor, draws=3)


def test_the_mean_of_the_others_is_scored_for_learners_that_report_deviations_too() -> None:
    """Of 1, 2 and 6 the others' means are 4, 3.5 and 1.5, which are 3, 1.5 and 4.5 away."""
    predictor = learners.CorrectedGaussian(3)(Examples.of(torch.eye(3), [1.0, 2.0, 6.0], kind="values"))
    assert left_out(predictor).score_of_mean == pytest.approx((9 + 2.25 + 20.25) / 3)
