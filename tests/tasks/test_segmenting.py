"""Tasks of masks: one class, no image and no group of images on both sides, all cells or some."""

import pytest
import torch

from quickstudy import evaluate, metrics
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.masked_images import MaskedImages
from quickstudy.errors import DataError, TaskError
from quickstudy.tasks import Segmenting
from quickstudy.tasks.source import generator_of


def images(count: int = 24) -> MaskedImages:
    """Maps of 4×4 cells with the mask in the first channel and the image's number in the second; groups of two."""
    masks = torch.rand(count, 4, 4, generator=torch.Generator().manual_seed(0)) < 0.4
    masks[:, 0, 0], masks[:, 3, 3] = True, False
    numbers = torch.arange(count).float()[:, None, None].expand(-1, 4, 4)
    maps = torch.stack([masks.float(), numbers], 1)
    labels, groups = torch.arange(count) % 3, torch.arange(count) // 6 * 3 + torch.arange(count) % 3
    return MaskedImages(ClassIndex(maps, labels, ("cup", "fork", "dog"), "made", groups=groups), masks)


def test_a_task_is_of_one_class_and_no_group_is_on_both_sides() -> None:
    data = images()
    source = Segmenting(data, shots=(1, 2), queries=2)
    plan = source.plan(20, generator_of(0))
    task = source.gather(plan)
    for number in range(20):
        support, query = task[number].support.trim(), task[number].query.trim()
        units = [side.x["unit"] for side in (support, query)]
        label = int(plan.classes[number, 1])
        for side, unit in zip((support, query), units, strict=True):
            assert (data.maps.labels[unit] == label).all() and len(unit) == 16 * len(torch.unique(unit))
            assert torch.equal(side.x["features"][:, 0], side.y[:, 1]) and torch.equal(side.x["features"][:, 1], unit.float())
        assert not set(data.maps.groups[units[0]].tolist()) & set(data.maps.groups[units[1]].tolist())
        assert len(torch.unique(units[1])) == 2
    assert (task.support.x["unit"][task.support.mask == 0] == -1).all()


def test_some_cells_of_each_image_are_of_both_kinds() -> None:
    task = Segmenting(images(), shots=2, queries=2, cells=2).sample(30, generator_of(1))
    assert task.support.y.shape == (30, 4, 2)
    assert torch.equal(task.support.y.view(30, 2, 2, 2).sum(2), torch.ones(30, 2, 2))


def test_task_lists_are_those_of_a_seed_and_digests_those_of_the_masks() -> None:
    source, other = Segmenting(images(), shots=1), images()
    plan = source.plan(4, generator_of(0))
    assert source.digest(plan) == source.digest(source.plan(4, generator_of(0)))
    masks = ~other.masks
    assert Segmenting(MaskedImages(other.maps, masks), shots=1).digest(plan) != source.digest(plan)


def test_who_marks_rightly_has_an_iou_of_one() -> None:
    source = Segmenting(images(), shots=1)

    def right(support: object) -> object:
        return lambda x: torch.stack([1 - x["features"][:, 0], x["features"][:, 0]], 1)

    report = evaluate(right, source, tasks=5, metrics=(metrics.foreground_iou, metrics.fb_iou))
    assert report.by("foreground_iou").mean == report.by("fb_iou").mean == 1.0


def test_parts_have_classes_of_their_own() -> None:
    data = images()
    part = data.select(("dog", "cup"), "part")
    assert part.classes == ("dog", "cup") and len(part.masks) == 16 and part.name == "part"
    row = torch.tensor([0, 16])
    assert torch.equal(part.gather(row)["features"][:, 1], torch.tensor([0.0, 2.0]))
    assert part.frequent(4) is part and part.index(50).classes == ("background", "marked")
    with pytest.raises(DataError, match=r"5 images of two classes or more are needed.*dog \(4\), cup \(4\)"):
        part.frequent(5)


def test_what_cannot_be_is_refused() -> None:
    data = images()
    with pytest.raises(TaskError, match='class "cup" of made has 4 images, but shots \\+ queries need 5'):
        Segmenting(data, shots=3, queries=2)
    with pytest.raises(DataError, match="the mask of image 0 marks no cells"):
        MaskedImages(data.maps, torch.zeros(24, 4, 4, dtype=torch.bool))
    with pytest.raises(DataError, match=r"masks of shape \(24, 16\) came with 24 maps"):
        MaskedImages(data.maps, data.masks.flatten(1))
