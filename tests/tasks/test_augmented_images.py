"""Augmented images: what stays (shape, range, labels, the plain source), what decides (the seed of a task and nothing else)."""

import math

import pytest
import torch

from quickstudy import datasets
from quickstudy.errors import TaskError
from quickstudy.tasks import AugmentedImages, Curriculum, EachOnce, Erase, FewShot, MetaAug, Supervised, Warp, growing
from quickstudy.tasks.source import generator_of


def plain(size: int = 12) -> FewShot:
    labels = torch.arange(8).repeat_interleave(10)
    x = torch.rand(80, 1, size, size, generator=generator_of(0))
    return FewShot(datasets.from_arrays(x, labels), (2, 4), (1, 2), 3)


def test_labels_masks_and_ranges_stay() -> None:
    source = AugmentedImages(plain())
    plan = source.plan(30, generator_of(1))
    task, before = source.gather(plan), plain().gather(plan.plans[0])
    for now, was in ((task.support, before.support), (task.query, before.query)):
        assert torch.equal(now.y, was.y) and torch.equal(now.mask, was.mask)
        assert now.x.shape == was.x.shape and now.x.dtype == was.x.dtype
        assert now.x.min() >= 0 and now.x.max() <= 1
        assert ((now.x != was.x).flatten(2).any(2) | (was.mask == 0)).all(), "an image stayed as it was"
    assert plan.plans[0].digest() == plain().plan(30, generator_of(1)).digest(), "the classes and rows are those of the source"


def test_a_task_is_a_function_of_its_seed_alone() -> None:
    """The same in whatever slice, chunk or order; another with another seed; two images of a task differ in their change."""
    source = AugmentedImages(plain())
    plan = source.plan(12, generator_of(1))
    whole = source.gather(plan)
    again = AugmentedImages(plain())
    assert torch.equal(again.gather(again.plan(12, generator_of(1))).query.x, whole.query.x)
    for part in (slice(3, 7), [5], torch.tensor([9, 2])):
        some = source.gather(plan[part])
        assert torch.equal(some.support.x, whole.support.x[part]) and torch.equal(some.query.x, whole.query.x[part])
    flat = FewShot(datasets.from_arrays(torch.rand(1, 1, 9, 9).expand(40, 1, 9, 9), torch.arange(40) % 4), 3, 2, 2)
    one = AugmentedImages(flat).sample(2, generator_of(0))
    every = torch.cat([one.support.x.flatten(2), one.query.x.flatten(2)], 1).flatten(0, 1)
    assert len(torch.unique(every, dim=0)) == len(every), "equal images are changed each in its own way"


def test_support_and_query_are_switched_apart() -> None:
    source = plain()
    plan = AugmentedImages(source).plan(4, generator_of(1))
    before = source.gather(plan.plans[0])
    queries = AugmentedImages(source, support=()).gather(plan)
    supports = AugmentedImages(source, query=()).gather(plan)
    assert torch.equal(queries.support.x, before.support.x) and not torch.equal(queries.query.x, before.query.x)
    assert torch.equal(supports.query.x, before.query.x) and not torch.equal(supports.support.x, before.support.x)


def test_a_warp_is_the_warp_it_says() -> None:
    """A quarter turn, a move of two pixels, and doubled size, against exact images; H ≠ W for a turn by nothing."""
    x = torch.rand(2, 3, 8, 8)
    u = torch.full((2, 4), 0.5)
    up = torch.tensor([0.5, 0.5, 1.0, 0.5]).expand(2, 4)
    turned = Warp(shift=0, turn=90, scale=0)(x, up)
    torch.testing.assert_close(turned, torch.rot90(x, 1, (2, 3)), atol=1e-5, rtol=0)
    moved = Warp(shift=0.25, turn=0, scale=0)(x, torch.tensor([1.0, 0.5, 0.5, 0.5]).expand(2, 4))
    torch.testing.assert_close(moved[..., :6], x[..., 2:], atol=1e-5, rtol=0)
    wide = torch.rand(2, 1, 6, 10)
    torch.testing.assert_close(Warp()(wide, u), wide, atol=1e-5, rtol=0)
    smooth = torch.linspace(0, 1, 32).expand(1, 1, 32, 32)
    larger = Warp(shift=0, turn=0, scale=0.5)(smooth, torch.tensor([[0.5, 0.5, 0.5, 0.0]]))
    slope = float(larger[0, 0, 16, 20] - larger[0, 0, 16, 12]) / float(smooth[0, 0, 16, 20] - smooth[0, 0, 16, 12])
    assert slope == pytest.approx(0.5, rel=1e-3)


def test_turning_a_wide_image_keeps_its_angles() -> None:
    """A bar in an image of 20 by 40, rotated by 45 degrees, lies at 45 degrees."""
    x = torch.zeros(1, 1, 20, 40)
    x[..., 9:11, 12:28] = 1
    turned = Warp(shift=0, turn=45, scale=0)(x, torch.tensor([[0.5, 0.5, 1.0, 0.5]]))[0, 0]
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(40.0), indexing="ij")
    weight = turned / turned.sum()
    dy, dx = rows - (weight * rows).sum(), columns - (weight * columns).sum()
    angle = 0.5 * math.atan2(float(2 * (weight * dx * dy).sum()), float((weight * (dx.square() - dy.square())).sum()))
    assert abs(angle) == pytest.approx(math.pi / 4, abs=0.03)


def test_erased_rectangles_have_the_sides_they_may_have() -> None:
    x, u = torch.ones(4000, 1, 20, 20), torch.rand(4000, 5, generator=generator_of(0))
    gone = Erase(share=0.5, smallest=0.1, largest=0.3)(x, u)[:, 0] == 0
    lost = gone.flatten(1).any(1)
    assert abs(int(lost.sum()) - 2000) < 5 * 1000**0.5
    heights, widths = gone[lost].any(2).sum(1), gone[lost].any(1).sum(1)
    assert set(heights.tolist()) == set(widths.tolist()) == {2, 3, 4, 5, 6}
    assert torch.equal(heights * widths, gone[lost].sum((1, 2))), "no rectangle"
    assert gone.float().mean(0).min() > 0, "every place is covered some time"
    assert (Erase(share=1, smallest=1, largest=1)(x[:2], torch.rand(2, 5)) == 0).all()
    assert (Erase(share=0)(x[:2], torch.rand(2, 5)) == 1).all()


@pytest.mark.parametrize("make", [lambda: Warp(scale=1.0), lambda: Warp(turn=-1), lambda: Erase(smallest=0.5, largest=0.2)])
def test_sizes_that_are_none(make: object) -> None:
    with pytest.raises(TaskError, match="must"):
        make()  # type: ignore[operator]


def test_what_is_no_image_is_refused() -> None:
    source = AugmentedImages(FewShot(datasets.from_arrays(torch.rand(40, 5), torch.arange(40) % 4), 3, 1, 2))
    with pytest.raises(TaskError, match="only images"):
        source.sample(1)


def test_a_supervised_source_and_a_curriculum_can_be_changed_too() -> None:
    data = plain().index
    images = AugmentedImages(Supervised(data, 6))
    task = images.sample(2, generator_of(0))
    assert task.support.x.shape[1] == 0 and task.query.x.shape == (2, 6, 1, 12, 12) and images.index is data
    growing_one = AugmentedImages(Curriculum(FewShot(data, 4, 1, 2, classes=EachOnce(data)), growing((2, 1), (4, 1), 4)))
    now = growing_one.at(0)
    plan = now.plan(2, generator_of(0))
    assert now.gather(plan).support.mask.sum() == 4
    now.observe(plan, torch.zeros(2))
    assert growing_one.state_dict()["drawn"].sum() == 4


def test_other_changes_of_a_curriculum_follow_it() -> None:
    data = plain().index
    lesson = growing((2, 1), (4, 1), 4)
    source = MetaAug(Curriculum(FewShot(data, 4, 1, 2), lesson))
    assert [int(source.at(step).sample(1, generator_of(0)).support.mask.sum()) for step in (0, 2, 4)] == [2, 3, 4]
    assert source.at(9) is not source and MetaAug(FewShot(data, 4, 1, 2)).at(0).sample(1).support.mask.sum() == 4
