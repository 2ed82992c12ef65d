"""Image classification from scratch on some small images: it learns new classes from their examples, and says what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.photos import few_of, real, scores
from quickstudy.apps import image_classification_from_scratch as application
from quickstudy.errors import DataError
from quickstudy.evaluation.evaluate import evaluate

PARTS = {"train": 12, "val": 3, "test": 5}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos of each of twenty classes."""
    found = json.loads(real("caltech_fs/splits.json").read_text())
    parts = {part: found[part][:count] for part, count in PARTS.items()}
    return few_of(real("caltech_fs/caltech_fs.zip"), tmp_path_factory.mktemp("photos") / "photos.zip", 12, parts)


@pytest.fixture(scope="module")
def recipe(photos: Path) -> Any:
    found = application.recipe(data=str(photos), steps=25, val_tasks=5)
    assert len(list(found.records(seed=0))) == 25
    return found


def test_it_learns_new_classes_from_their_examples(recipe: Any) -> None:
    learned, shuffled = scores(recipe.learner, application.settings(recipe)["5-way 5-shot"].test)
    assert learned > 0.33 and learned > shuffled + 0.08, (learned, shuffled)


def test_baselines_are_made_of_a_recipe(photos: Path) -> None:
    fresh = application.recipe(data=str(photos), steps=3)
    setting = application.settings(fresh)["5-way 1-shot"]
    for name, baseline in application.baselines.items():
        report = evaluate(baseline.make(fresh, **baseline.choices[0]), setting.test, tasks=3)
        assert report.mean > 0.1, name


def test_each_part_needs_two_classes(tmp_path: Path) -> None:
    own = few_of(real("caltech_fs/caltech_fs.zip"), tmp_path / "own.zip", 2, {"train": ["ant", "anchor"], "test": ["camera"]})
    with pytest.raises(DataError, match='the part "val" has 0 classes, and needs two'):
        application.recipe(data=str(own))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder and no ZIP file here"):
        application.recipe(data=str(tmp_path / "none"))
