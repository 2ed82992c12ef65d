"""Image classification on some photos: it learns new classes from their examples, and says what is wrong with a folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.photos import BROKEN, changed, few_of, real, scores
from quickstudy.apps import image_classification
from quickstudy.errors import DataError
from quickstudy.evaluation.evaluate import evaluate


@pytest.fixture(scope="module")
def parts() -> dict[str, list[str]]:
    found = json.loads(real("caltech_fs/splits.json").read_text())
    return {"train": found["train"][:6], "val": found["val"][:3], "test": found["test"][:5]}


@pytest.fixture(scope="module")
def photos(parts: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos of each of fourteen classes."""
    return few_of(real("caltech_fs/caltech_fs.zip"), tmp_path_factory.mktemp("photos") / "photos.zip", 12, parts)


@pytest.fixture(scope="module")
def recipe(photos: Path) -> Any:
    return image_classification.recipe(data=str(photos), size=64, steps=4, val_tasks=5)


def test_it_learns_new_classes_from_their_examples(recipe: Any) -> None:
    assert len(list(recipe.records(seed=0))) == 4
    settings = image_classification.settings(recipe)
    assert list(settings) == ["5-way 1-shot", "5-way 5-shot"]
    learned, shuffled = scores(recipe.learner, settings["5-way 5-shot"].test)
    assert learned > 0.6 and learned > shuffled + 0.25, (learned, shuffled)


def test_baselines_are_made_of_a_recipe(recipe: Any) -> None:
    setting = image_classification.settings(recipe)["5-way 1-shot"]
    for name, baseline in image_classification.baselines.items():
        source = setting.test if baseline.inputs is None else baseline.inputs(setting.test)
        report = evaluate(baseline.make(recipe, **baseline.choices[0]), source, tasks=4)
        assert report.mean > 0.2, name


@pytest.mark.parametrize(("files", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_ones_own_data_is_said(files: Any, words: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        image_classification.recipe(data=changed(photos, tmp_path / "own.zip", files), size=32)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder and no ZIP file here"):
        image_classification.recipe(data=str(tmp_path / "none"))
