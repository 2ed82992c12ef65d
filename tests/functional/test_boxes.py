"""Boxes: overlaps by hand, suppression, windows and means against sums over pixels."""

import torch

from quickstudy.functional.boxes import box_area, box_iou, box_means, grown, suppressed, window_grid


def test_overlap_of_boxes_is_intersection_over_union() -> None:
    a = torch.tensor([[0.0, 0.0, 0.4, 0.4], [0.5, 0.5, 0.5, 0.9]])
    b = torch.tensor([[0.2, 0.2, 0.6, 0.6], [0.0, 0.0, 0.4, 0.4], [0.4, 0.0, 0.8, 0.4], [0.5, 0.5, 0.5, 0.9]])
    wanted = torch.tensor([[0.04 / 0.28, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert torch.allclose(box_iou(a, b), wanted, atol=1e-6)
    assert box_iou(a[:0], b).shape == (0, 4) and box_iou(a, b[:0]).shape == (2, 0)
    assert box_area(torch.tensor([[0.5, 0.5, 0.1, 0.9]])).item() == 0


def test_overlaps_do_not_depend_on_the_width_and_the_height_of_the_image() -> None:
    a, b = torch.rand(5, 2), torch.rand(7, 2)
    a, b = torch.cat([a, a + torch.rand(5, 2)], 1), torch.cat([b, b + torch.rand(7, 2)], 1)
    assert torch.allclose(box_iou(a, b), box_iou(a * torch.tensor([3.0, 2.0, 3.0, 2.0]), b * torch.tensor([3.0, 2.0, 3.0, 2.0])))


def test_the_best_of_boxes_that_overlap_is_kept() -> None:
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.1, 0.0, 0.6, 0.5], [0.2, 0.0, 0.7, 0.5], [0.0, 0.6, 0.2, 0.9]])
    scores = torch.tensor([0.6, 0.9, 0.7, 0.1])  # overlaps: 0-1 and 1-2 two thirds, 0-2 three sevenths
    assert suppressed(boxes, scores, overlap=0.5).tolist() == [1, 3]
    assert suppressed(boxes, torch.tensor([0.9, 0.6, 0.7, 0.1]), overlap=0.5).tolist() == [0, 2, 3]
    assert suppressed(boxes, scores, overlap=0.7).tolist() == [1, 2, 0, 3]
    assert suppressed(boxes, scores, overlap=0.7, most=2).tolist() == [1, 2]
    assert suppressed(boxes[:0], scores[:0]).tolist() == []


def test_windows_lie_within_the_image_and_have_their_shapes() -> None:
    windows = window_grid([0.2, 0.9], [0.1, 0.1], [0.5, 1.0, 2.0])
    assert bool((windows >= 0).all()) and bool((windows <= 1).all()) and bool((box_area(windows) > 0).all())
    width, height = (windows[:, 2:] - windows[:, :2]).unbind(1)
    small = box_area(windows) < 0.1
    assert torch.allclose((width / height)[small].unique().sort().values[[0, -1]], torch.tensor([0.5, 2.0]), atol=1e-4)
    assert torch.allclose(box_area(windows)[small], torch.tensor(0.04), atol=1e-5)


def test_means_in_boxes_are_those_of_their_cells() -> None:
    maps = torch.randn(3, 4, 8, dtype=torch.float64)
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.75, 1.0], [0.0625, 0.25, 0.125, 0.5]])
    wanted = torch.stack([maps.mean((1, 2)), maps[:, 2:, 2:6].mean((1, 2)), maps[:, 1, 0]])
    assert torch.allclose(box_means(maps, boxes), wanted)
    half = box_means(maps, torch.tensor([[0.0, 0.0, 0.1875, 0.25]]))  # a cell and half of the next
    assert torch.allclose(half[0], (maps[:, 0, 0] + 0.5 * maps[:, 0, 1]) / 1.5)


def test_boxes_grow_around_their_centre() -> None:
    boxes = torch.tensor([[0.4, 0.4, 0.6, 0.8]])
    assert torch.allclose(grown(boxes, -0.25), torch.tensor([[0.45, 0.5, 0.55, 0.7]]))
    assert torch.allclose(grown(boxes, 1.0), torch.tensor([[0.2, 0.0, 0.8, 1.0]]))
