"""``adapt`` and ``predict`` with a learner of cells: images with masks in, a mask of each image out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from apps.masks import drawing, write_masks
from quickstudy.errors import DataError, LearnerError
from quickstudy.inputs import Cells
from quickstudy.learners import OnMaps, ProtoNet
from quickstudy.nn import ColumnRange, EfficientNetGrid, Frozen
from quickstudy.saving.checkpoint import save
from quickstudy.task import Examples
from quickstudy.use.masked_support import masked_support
from quickstudy.use.masking import drawn
from quickstudy.use.queries import Query, queries_of_files
from quickstudy.use.support_set import support_set


def learner() -> OnMaps:
    """Nearest mean colour of cells of 8×8 pixels; the other numbers of the map are passed over."""
    made = OnMaps(Frozen(EfficientNetGrid()), ProtoNet(ColumnRange(496, 499), scale=50.0))
    made.reads = Cells(64)
    return made.eval()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_masks(tmp_path / "mine", kinds=1, each=2)
    for number in (7, 8):
        Image.fromarray(drawing(0, number)[0]).resize((96, 48)).save(tmp_path / f"new{number}.png")
    return tmp_path


def test_masks_of_ones_own_make_a_support_set_of_cells(folder: Path) -> None:
    found = support_set(folder / "mine" / "disc", learner())
    assert found.classes == ("background", "disc") and len(found) == 128 and found.places[65].endswith("1.png cell 2")
    mask = drawing(0, 1)[1].reshape(8, 8, 8, 8).mean((1, 3)) > 0.5
    assert np.array_equal(found.examples.labels[64:].numpy(), mask.flatten())
    assert support_set(folder / "mine", learner()).classes == ("background", "disc")


def test_a_predictor_draws_the_mask_of_each_image_in_its_own_size(folder: Path) -> None:
    made = learner()
    predictor = made(*masked_support(folder / "mine", made)[:2])
    found = list(drawn(predictor, [Query("a", folder / "new7.png"), Query("b", folder / "nowhere.png")]))
    wanted = np.asarray(Image.fromarray(drawing(0, 7)[1]).resize((96, 48)))
    mask = found[0].mask
    assert mask is not None and mask.shape == (48, 96) and found[0].label == "disc"
    assert (mask & wanted).sum() / (mask | wanted).sum() > 0.6
    assert found[1].mask is None and "nowhere.png is not there" in str(found[1].fault)


def test_the_masks_in_a_folder_of_images_are_no_images(folder: Path) -> None:
    found = [Path(query.place).name for query in queries_of_files([folder / "mine" / "disc"], Cells(64))]
    assert len(found) == 2 and not any("_mask" in name for name in found)
    assert [query.place for query in queries_of_files([folder / "mine" / "disc" / "0_mask.png"], Cells(64))] != []


def test_adapt_and_predict_write_masks(call: Any, folder: Path) -> None:
    save(learner(), folder / "learner.safetensors")
    status, out, errors = call("adapt", "learner.safetensors", "mine", "-o", "mine.safetensors")
    assert status == 0 and "adapted to 128 cells of images of 2 classes" in out and "-o MASKS" in out, errors
    status, out, errors = call("predict", "mine.safetensors", "new7.png", "new8.png", "-o", "masks")
    assert status == 0 and "new8_mask.png" in out, errors
    mask = np.asarray(Image.open(folder / "masks" / "new7_mask.png"))
    assert mask.shape == (48, 96) and mask.dtype == bool and 0.02 < mask.mean() < 0.4
    status, out, errors = call("predict", "mine.safetensors", "new7.png", "mine", "--json", "-o", "masks")
    assert status == 1 and "there are no images in mine" in errors  # the class folder is in it
    (said,) = json.loads(out)
    assert said["class"] == "disc" and said["share"] == pytest.approx(mask.mean(), abs=1e-4) and "new7_mask" in said["mask"]
    status, out, errors = call("predict", "mine.safetensors", "new7.png")
    assert status == 0 and "% disc" in out, errors


def test_masks_are_not_written_over_other_files(call: Any, folder: Path) -> None:
    save(learner(), folder / "learner.safetensors")
    call("adapt", "learner.safetensors", "mine", "-o", "mine.safetensors")
    (folder / "masks").mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "masks" / "new7_mask.png")
    status, _, errors = call("predict", "mine.safetensors", "new7.png", "-o", "masks")
    assert status != 0 and "already exists and is no figure of quickstudy" in errors
    assert call("predict", "mine.safetensors", "new7.png", "-o", "masks", "--force")[0] == 0
    (folder / "new7.png").rename(folder / "mine" / "new8.png")
    status, _, errors = call("predict", "mine.safetensors", "new8.png", "mine/new8.png", "-o", "masks")
    assert status != 0 and "two images would have their mask in" in errors


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("several", r"has masks of 2 classes \(disc, square\), and a predictor marks one"),
        ("named", "which is the name of what is not marked"),
        ("tiny", "fills no cell of the 8×8 cells"),
        ("nowhere", "is no folder and no ZIP file here"),
    ],
)
def test_what_is_wrong_with_masks_of_ones_own(folder: Path, change: str, said: str) -> None:
    path = folder / "mine"
    if change == "several":
        write_masks(path, kinds=2)
    if change == "named":
        (path / "disc").rename(path / "background")
    if change == "tiny":
        mask = np.zeros((64, 64), np.uint8)
        mask[5, 5] = 255
        Image.fromarray(mask).save(path / "disc" / "0_mask.png")
    with pytest.raises(DataError, match=said):
        masked_support(path / "else" if change == "nowhere" else path, learner())


def test_other_learners_draw_no_masks(folder: Path) -> None:
    other = ProtoNet(torch.nn.Flatten())
    with pytest.raises(LearnerError, match="reads no cells"):
        masked_support(folder / "mine", other)
    with pytest.raises(LearnerError, match="reads no cells"):
        next(drawn(other(Examples.of(torch.eye(2), [0, 1])), [Query("a")]))
