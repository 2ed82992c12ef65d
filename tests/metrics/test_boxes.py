"""Average precision of boxes, by hand and by COCO's own rules."""

import math

import numpy as np
import pytest
import torch

from quickstudy.errors import LearnerError
from quickstudy.functional.boxes import TrueBoxes
from quickstudy.likelihood import Categorical
from quickstudy.metrics.boxes import COCO_OVERLAPS, average_precision, box_precision, matched
from quickstudy.metrics.predicted import Predicted

LEFT, RIGHT = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]
NEAR_LEFT, LOWER = [0.0, 0.0, 0.4, 1.0], [0.0, 0.75, 1.0, 1.0]
WINDOWS = torch.tensor([LEFT, NEAR_LEFT, RIGHT, LOWER])


def true(*boxes: list[float], ignored: tuple[bool, ...] = (), groups: tuple[bool, ...] = ()) -> TrueBoxes:
    flags = [torch.tensor(given or [False] * len(boxes), dtype=torch.bool) for given in (ignored, groups)]
    return TrueBoxes(torch.tensor(boxes).view(-1, 4), *flags)


def test_each_true_box_is_found_once_by_the_best_that_overlaps() -> None:
    assert matched(WINDOWS[[1, 0, 2]], true(LEFT), 0.5) == [True, False, False]
    assert matched(WINDOWS[[0, 1]], true(LEFT, NEAR_LEFT), 0.5) == [True, True]
    assert matched(WINDOWS[[1]], true(LEFT), 0.85) == [False]
    assert matched(WINDOWS[[0]], true(), 0.5) == [False] and matched(WINDOWS[:0], true(LEFT), 0.5) == []


def test_a_small_box_inside_of_a_group_is_not_wrong() -> None:
    small = torch.tensor([[0.1, 0.1, 0.2, 0.2]])
    assert matched(small, true(LEFT, ignored=(True,), groups=(True,)), 0.5) == [None]
    assert matched(small, true(LEFT, ignored=(True,)), 0.5) == [False]


def test_a_box_that_is_ignored_is_neither_right_nor_wrong_and_can_be_met_often() -> None:
    group = true(LEFT, ignored=(True,))
    assert matched(WINDOWS[[0, 1, 2]], group, 0.5) == [None, None, False]
    assert matched(WINDOWS[[0, 1]], true(NEAR_LEFT, LEFT, ignored=(False, True)), 0.5) == [True, None]


@pytest.mark.parametrize(
    ("right", "there", "wanted"),
    [
        ([True, True], 2, 1.0),
        ([False, False], 2, 0.0),
        ([], 3, 0.0),
        ([True], 2, 51 / 101),
        ([False, True], 1, 0.5),
        ([True, False, True], 2, (51 + 50 * 2 / 3) / 101),
        ([False, True, True, False], 4, (2 / 3) * 51 / 101),  # precision ½ and ⅔: the better one counts at both recalls
    ],
)
def test_average_precision_is_the_mean_over_101_recalls(right: list[bool], there: int, wanted: float) -> None:
    scores = np.linspace(1, 0, len(right) + 1)[:-1]
    assert average_precision(scores, right, there) == pytest.approx(wanted)
    order = np.random.default_rng(0).permutation(len(right))
    assert average_precision(scores[order], np.array(right, dtype=bool)[order].tolist(), there) == pytest.approx(wanted)


def test_without_boxes_to_be_found_there_is_no_precision() -> None:
    assert math.isnan(average_precision([0.5], [False], 0))


def said(*scores: list[float]) -> Predicted:
    logits = torch.tensor(scores).flatten()
    units = torch.arange(len(scores)).repeat_interleave(len(WINDOWS))
    return Predicted.of(torch.stack([torch.zeros_like(logits), logits], 1), Categorical(), units)


def test_windows_of_a_task_are_suppressed_matched_and_ranked_together() -> None:
    truth = {0: true(LEFT), 1: true(RIGHT, LOWER, ignored=(False, True))}
    metric = box_precision(WINDOWS, truth.__getitem__)
    y = torch.zeros(8, 2)
    assert metric(said([4.0, 3.0, -1.0, -2.0], [-1.0, -2.0, 3.0, 2.0]), y) == pytest.approx(1.0)
    assert metric(said([3.0, 4.0, 1.0, -2.0], [5.0, -2.0, 3.0, 6.0]), y) == pytest.approx(2 / 3)
    ten = box_precision(WINDOWS, truth.__getitem__, at=COCO_OVERLAPS, name="AP")
    low, high = said([3.0, 4.0, -1.0, -2.0], [-9.0, -9.0, 3.0, -9.0]), said([4.0, 3.0, -1.0, -2.0], [-9.0, -9.0, 3.0, -9.0])
    assert ten(high, y) == pytest.approx(1.0) and 0.5 < ten(low, y) < 1.0  # 0.8 of the box is right up to an overlap of 0.8
    assert ten.__name__ == "AP" and metric.__name__ == "AP50"


def test_rows_that_are_not_the_windows_of_images_are_refused() -> None:
    metric = box_precision(WINDOWS, {0: true(LEFT)}.__getitem__)
    with pytest.raises(LearnerError, match="all 4 windows of each, in order"):
        metric(Predicted.of(torch.zeros(3, 2), Categorical(), torch.zeros(3, dtype=torch.long)), torch.zeros(3, 2))
    with pytest.raises(LearnerError, match="do not stand together"):
        metric(Predicted.of(torch.zeros(4, 2), Categorical(), torch.tensor([0, 0, 1, 1])), torch.zeros(4, 2))
    with pytest.raises(LearnerError, match="two classes"):
        metric(Predicted.of(torch.zeros(4, 3), Categorical(), torch.zeros(4, dtype=torch.long)), torch.zeros(4, 3))
