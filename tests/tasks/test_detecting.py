"""Detection tasks: which windows are of the class, which are left out, and what should be found."""

import pytest
import torch

from quickstudy.datasets.boxed_images import BoxedImages, BoxedSplits, ImageBoxes
from quickstudy.errors import DataError, TaskError
from quickstudy.tasks.detecting import Detecting

WINDOWS = torch.tensor([[0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.5, 0.4], [0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 0.05, 0.05]])
LEFT, RIGHT, TINY = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 0.1, 0.1]


def image(*boxes: tuple[list[float], int, bool]) -> ImageBoxes:
    rows, labels, groups = zip(*boxes, strict=True)
    return ImageBoxes(torch.tensor(rows), torch.tensor(labels), torch.tensor(groups))


IMAGES = (
    image((LEFT, 0, False), (RIGHT, 1, False)),
    image((LEFT, 0, False), (TINY, 1, False)),
    image((RIGHT, 0, False), (LEFT, 0, True)),
    image((LEFT, 1, False)),
    image((RIGHT, 0, False), (RIGHT, -1, False)),
)


def data(name: str = "drawn", first: int = 0) -> BoxedImages:
    rows = len(WINDOWS) * len(IMAGES) + sum(len(each.boxes) for each in IMAGES)
    return BoxedImages({"features": torch.arange(rows)[:, None].float()}, WINDOWS, IMAGES, ("cup", "fork"), name, first=first)


def test_windows_are_of_a_class_or_not_or_neither() -> None:
    found = data()
    assert found.labels(0, 0).tolist() == [1, -1, 0, 0]  # the second covers 0.4 of the box
    assert found.labels(0, 1).tolist() == [0, 0, 1, 0]
    assert found.labels(2, 0).tolist() == [-1, -1, 1, 0]  # the left box is of a group
    assert found.labels(3, 0).tolist() == [0, 0, 0, 0]


def test_images_that_have_and_lack_a_class() -> None:
    found = data()
    assert [each.tolist() for each in found.having] == [[0, 1, 2, 4], [0, 3]]  # a tiny thing does not count
    assert [each.tolist() for each in found.lacking] == [[3], [2, 4]]  # but is there
    assert found.rows_of_boxes(2, 0).tolist() == [24] and found.rows_of_boxes(0, 1).tolist() == [21]


def test_what_should_be_found_goes_by_the_unit_in_any_part() -> None:
    parts = BoxedSplits(data(), data("val", 10), data("test", 20))
    true = parts.truth(int(parts.test.unit(2, 0)))
    assert true.boxes.tolist() == [RIGHT, LEFT] and true.ignored.tolist() == [False, True]
    assert len(parts.truth(int(parts.val.unit(3, 0))).boxes) == 0


def test_a_support_set_has_boxes_and_windows_and_a_query_set_all_windows() -> None:
    source = Detecting(data(), shots=1, queries=3, without=1, others=1)
    assert [source.images.classes[label] for label in source.usable] == ["cup"]
    task = source.sample(1, torch.Generator().manual_seed(0))[0]
    rows = task.support.x["features"][:, 0].long().tolist()
    assert rows[0] >= len(WINDOWS) * len(IMAGES) and task.support.y[:, 1].tolist() == [1, 1, 0]
    assert task.query.y.shape == (16, 2) and task.query.x["unit"].view(4, 4).unique(dim=1).shape == (4, 1)
    images = task.query.x["features"][:, 0].long().view(4, 4)[:, 0] // 4
    assert images[3] == 3 and sorted(images.tolist())[-1] <= 4 and task.query.y[12:, 1].sum() == 0
    for place, number in enumerate(images.tolist()):
        assert task.query.y[4 * place : 4 * place + 4, 1].tolist() == data().labels(number, 0).clamp(min=0).tolist()


def test_in_meta_training_windows_between_are_left_out() -> None:
    task = Detecting(data(), shots=1, queries=3, without=0, windows=10).sample(1, torch.Generator().manual_seed(0))[0]
    rows = task.query.x["features"][:, 0].long()
    labels = torch.cat([data().labels(image, 0) for image in range(5)])
    assert bool((labels[rows] >= 0).all()) and torch.equal(labels[rows], task.query.y[:, 1].long())


def test_padding_is_of_no_image() -> None:
    tasks = Detecting(data(), shots=(1, 2), queries=2, without=0).sample(8, torch.Generator().manual_seed(0))
    assert bool((tasks.support.x["unit"][tasks.support.mask == 0] == -1).all()) and bool((tasks.support.mask == 0).any())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(TaskError, match=r"at most 4 images of a class, but shots \+ 2 queries need 5"):
        Detecting(data(), shots=3)
    with pytest.raises(TaskError, match="queries"):
        Detecting(data(), queries=1)
    with pytest.raises(DataError, match="29 rows of windows and boxes are needed"):
        BoxedImages({"features": torch.zeros(3, 1)}, WINDOWS, IMAGES, ("cup", "fork"), "short")
