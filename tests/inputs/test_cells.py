"""An image becomes a row for each cell, and a learner on maps computes the map of each image once, of all its cells."""

import pytest
import torch

from quickstudy.errors import DataError, ShapeError
from quickstudy.inputs import Cells, input_kind
from quickstudy.inputs.row_shape import RowShape
from quickstudy.learners import OnMaps, ProtoNet
from quickstudy.nn import EfficientNetGrid, EfficientNetLite0, Frozen
from quickstudy.task import Examples


def network(size: int = 32) -> Frozen:
    torch.manual_seed(0)
    made = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2, 2), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 4, 4))
    made.features, made.reads = 5, Cells(size)  # type: ignore[assignment]
    return Frozen(made)


def test_cells_hold_each_pixel_once_row_by_row() -> None:
    images = torch.rand(2, 3, 32, 32)
    rows = Cells(32).batch(images)
    assert rows["pixels"].shape == (32, 3, 8, 8) and rows["unit"].tolist() == [0] * 16 + [1] * 16
    assert torch.equal(rows["pixels"][16 + 6], images[1, :, 8:16, 16:24])
    assert rows["place"].tolist() == [*range(16), *range(16)]
    assert Cells(32).gives(RowShape.of(rows)) and not Cells(64, 16).gives(RowShape.of(rows))
    assert input_kind(Cells(64, 16).to_json()) == Cells(64, 16) and Cells(32).batch(rows) == rows


def test_maps_of_raw_images_are_those_of_the_backbone() -> None:
    backbone, images = network(), torch.rand(19, 3, 32, 32)
    learner = OnMaps(backbone, ProtoNet(torch.nn.Identity()))
    rows = learner.reads.batch(images)
    found = learner.encode(rows)
    torch.testing.assert_close(found, backbone(images).flatten(2).transpose(1, 2).reshape(-1, 5))
    assert torch.equal(learner.encode({"features": found, "unit": rows["unit"]}), found)
    for broken in ({name: leaf[1:] for name, leaf in rows.items()}, {name: leaf.flip(0) for name, leaf in rows.items()}):
        with pytest.raises(ShapeError, match="are not whole images"):
            learner.encode(broken)
    with pytest.raises(ShapeError, match=r"cells of \(3,\) numbers; this backbone gives 5"):
        learner.encode({"features": torch.zeros(2, 3), "unit": torch.zeros(2)})


def test_a_predictor_of_images_answers_each_cell() -> None:
    learner = OnMaps(network(), ProtoNet(torch.nn.Identity()))
    image = torch.zeros(3, 32, 32)
    image[:, :16] = 1
    support = Examples.of(learner.reads.batch([image]), [1] * 8 + [0] * 8)
    assert learner(support, ["background", "sky"]).names([image])[::4] == ["sky", "sky", "background", "background"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"size": 30}, "size=30 and cell=8"),
        ({"cell": 0}, "cell=0"),
        ({"size": True}, "size=True"),
    ],
)
def test_sizes_that_do_not_divide_are_refused(given: dict[str, int], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Cells(**given)


def test_what_is_no_image_is_refused() -> None:
    for things, said in (([], "no images"), ({"pixels": torch.zeros(2, 3, 4, 4)}, "is no image"), ([3], "no image")):
        with pytest.raises(DataError, match=said):
            Cells().batch(things)


def test_a_grid_joins_the_maps_of_the_whole_network() -> None:
    whole, grid = EfficientNetLite0().eval(), EfficientNetGrid().eval()
    grid.load_state_dict({name: whole.state_dict()[name] for name in grid.state_dict()})
    x, maps, wanted = torch.randn(2, 3, 64, 64), None, []
    maps = whole.stem(x)
    for depth, block in enumerate(whole.blocks):
        maps = block(maps)
        if depth in (2, 4, 10, 15):
            wanted.append(maps)
    found = grid(x).split((24, 40, 112, 320, 3, 3, 2), 1)
    torch.testing.assert_close(found[0], torch.nn.functional.avg_pool2d(wanted[0], 2))
    torch.testing.assert_close(found[1], wanted[1])
    for number in (2, 3):
        torch.testing.assert_close(
            found[number], torch.nn.functional.interpolate(wanted[number], size=(8, 8), mode="bilinear", align_corners=False)
        )
    torch.testing.assert_close(found[4][1, :, 2, 5], x[1, :, 16:24, 40:48].mean((1, 2)))
    torch.testing.assert_close(found[5][:, :, 3, 4], found[4][:, :, 3, 4] - found[4][:, :, 1:6, 2:7].mean((2, 3)))
    assert found[6][0, :, 0, 7].tolist() == [0.875, -0.875]
