"""Intersection over union of masks is scikit-learn's Jaccard score, image by image."""

import pytest
import torch
from sklearn.metrics import jaccard_score

from quickstudy import metrics
from quickstudy.errors import LearnerError
from quickstudy.likelihood import Categorical
from quickstudy.metrics.predicted import Predicted, pool


def drawn(seed: int, ways: int = 2) -> tuple[Predicted, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    y = torch.eye(ways)[torch.randint(0, ways, (90,), generator=generator)]
    outputs = 2 * y + torch.randn(90, ways, generator=generator)
    return Predicted.of(outputs, Categorical(), torch.arange(90) // 30 + 7), y


@pytest.mark.parametrize("seed", range(4))
def test_they_are_the_mean_of_jaccard_scores_of_images(seed: int) -> None:
    said, y = drawn(seed)
    parts = [(y.argmax(1)[n : n + 30].numpy(), said.classes[n : n + 30].numpy()) for n in (0, 30, 60)]
    scores = torch.tensor([[jaccard_score(true, found, pos_label=side) for side in (0, 1)] for true, found in parts])
    assert metrics.foreground_iou(said, y) == pytest.approx(float(scores[:, 1].mean()))
    assert metrics.fb_iou(said, y) == pytest.approx(float(scores.mean()))


def test_of_several_classes_each_counts_where_it_is_or_is_said_to_be() -> None:
    y = torch.eye(3)[torch.tensor([0, 1, 1, 0])]
    said = Predicted.of(torch.eye(3)[torch.tensor([0, 1, 2, 0])], Categorical(), torch.tensor([0, 0, 0, 1]))
    assert metrics.foreground_iou(said, y) == 0.25  # half of class 1, none of class 2, nothing in the second image
    assert metrics.fb_iou(said, y) == 1.0  # what is marked is marked, whatever it is
    nothing = torch.eye(2)[torch.zeros(3, dtype=torch.long)]
    assert metrics.foreground_iou(Predicted.of(nothing, Categorical(), torch.zeros(3)), nothing) == 1.0


def test_images_of_tasks_that_are_pooled_stay_apart() -> None:
    said, y = drawn(1)
    together, targets = pool([(said, y), (said, y)])
    assert metrics.foreground_iou(together, targets) == pytest.approx(metrics.foreground_iou(said, y))


def test_cells_that_stand_alone_have_no_masks() -> None:
    y = torch.eye(2)
    with pytest.raises(LearnerError, match="nothing says which rows belong together"):
        metrics.foreground_iou(Predicted.of(y, Categorical()), y)
