"""Image classification from scratch on some small images: it learns new classes from their examples, and says what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from apps.photos import BROKEN, changed, few_of, real, scores
from quickstudy import load, save
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
    torch.manual_seed(0)
    found = application.recipe(data=str(photos), pretraining=30, steps=4, val_tasks=5)
    assert len(list(found.records(seed=0))) == 4
    return found


def test_it_learns_new_classes_from_their_examples(recipe: Any) -> None:
    learned, shuffled = scores(recipe.learner, application.settings(recipe)["5-way 5-shot"].test)
    assert learned > 0.33 and learned > shuffled + 0.08, (learned, shuffled)


def test_it_starts_at_the_classifier_that_its_baselines_are(photos: Path) -> None:
    """Before meta-training its features are those of the classifier, whitened; at as many steps the baseline's are the same."""
    torch.manual_seed(0)
    fresh = application.recipe(data=str(photos), pretraining=3, steps=1, val_tasks=5)
    known = fresh.read._replace(steps=3)
    network = fresh.learner.get_submodule("encoder.parts.0.network")
    first = known.first.state_dict()
    assert any(not torch.equal(first[name], weight) for name, weight in network.state_dict().items())
    again = application.recipe(data=known, pretraining=3, steps=1, val_tasks=5)
    assert again.read.photos is known.photos
    images = known.photos.test.gather(torch.arange(3))
    baseline = application.baselines["classifier + centroid"].make
    other = baseline(type(fresh)(**vars(fresh) | {"read": known}), centred=False, mirrored=False).encode(images)
    torch.testing.assert_close(torch.nn.functional.normalize(network.eval()(images)), other)


def test_baselines_are_made_of_a_recipe(photos: Path) -> None:
    fresh = application.recipe(data=str(photos), pretraining=3, steps=3)
    setting = application.settings(fresh)["5-way 1-shot"]
    for name, baseline in application.baselines.items():
        report = evaluate(baseline.make(fresh, **baseline.choices[-1]), setting.test, tasks=3)
        assert report.mean > 0.1, name


def test_a_saved_learner_answers_alike(recipe: Any, tmp_path: Path) -> None:
    recipe.learner.reads = recipe.reads
    path = save(recipe.learner, tmp_path / "own.safetensors")
    task = application.settings(recipe)["5-way 1-shot"].test.sample(1, torch.Generator().manual_seed(0))[0]
    right = recipe.learner.eval()(task.support)(task.query.x)
    torch.testing.assert_close(load(path or tmp_path / "own.safetensors")(task.support)(task.query.x), right)


@pytest.mark.parametrize(("files", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_ones_own_data_is_said(files: Any, words: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        application.recipe(data=changed(photos, tmp_path / "own.zip", files), pretraining=1, steps=1)


def test_each_part_needs_two_classes(tmp_path: Path) -> None:
    own = few_of(real("caltech_fs/caltech_fs.zip"), tmp_path / "own.zip", 2, {"train": ["ant", "anchor"], "test": ["camera"]})
    with pytest.raises(DataError, match='the part "val" has 0 classes, and needs two'):
        application.recipe(data=str(own))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder and no ZIP file here"):
        application.recipe(data=str(tmp_path / "none"))
