"""Medical imaging on a hundred cells: it learns new types from their examples, and says what is wrong with a manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.photos import altered, few_of, real, scores, written
from quickstudy.apps import medical_imaging
from quickstudy.errors import DataError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot

PARTS = {"train": ("red_blood_cell", "platelet", "neutrophil"), "val": ("eosinophil",), "test": ("lymphocyte",)}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty cells of each of five types."""
    return few_of(real("medical/blood_cells.zip"), tmp_path_factory.mktemp("cells") / "cells.zip", 20, PARTS)


@pytest.fixture(scope="module")
def recipe(cells: Path) -> Any:
    return medical_imaging.recipe(data=str(cells), size=64, strength=0.5, steps=5)


def test_it_learns_new_types_from_their_examples(recipe: Any) -> None:
    assert [record.step for record in recipe.records(seed=0)] == [1, 2, 3, 4, 5]
    assert set(recipe.read.test.classes) == {"eosinophil", "lymphocyte"} and recipe.became == {"strength": 0.5}
    learned, shuffled = scores(recipe.learner, FewShot(recipe.read.test, 2, 5, 5))
    assert learned > 0.75 and learned > shuffled + 0.15, (learned, shuffled)


def test_support_and_query_share_no_photograph(recipe: Any) -> None:
    settings = medical_imaging.settings(recipe)
    assert settings["2-way 1-shot"].promises == (Promise(0.02),)
    for setting in settings.values():
        groups, plan = setting.test.data.groups, setting.plan
        assert plan is not None and setting.units is not None
        for support, query in zip(groups[plan.support_rows], groups[plan.query_rows], strict=True):
            assert not set(support.tolist()) & set(query.tolist())


def test_baselines_are_made_of_a_recipe(recipe: Any) -> None:
    setting = medical_imaging.settings(recipe)["2-way 5-shot"]
    for name, baseline in medical_imaging.baselines.items():
        source = setting.test if baseline.inputs is None else baseline.inputs(setting.test)
        report = evaluate(baseline.make(recipe, **baseline.choices[0]), source, plan=setting.plan, limit=3)
        assert report.mean > 0.3, name


def test_strength_is_chosen_on_types_that_the_map_was_not_fitted_to(cells: Path) -> None:
    assert medical_imaging.recipe(data=str(cells), size=64, steps=1).became["strength"] > 0


WRONG: dict[str, tuple[Callable[[list[dict[str, str]]], Any], str]] = {
    "a column": (lambda rows: written([{k: v for k, v in row.items() if k != "source_image"} for row in rows]), "source_image"),
    "empty": (lambda rows: written(rows).splitlines()[0], "has no rows"),
    "encoding": (lambda rows: written(rows).encode("utf-16"), "is not UTF-8"),
    "unknown file": (lambda rows: written([rows[0] | {"file": "red_blood_cell/none.jpg"}, *rows[1:]]), "row 2 .* is not in"),
    "no class": (lambda rows: written([*rows[:3], rows[3] | {"class": ""}]), "row 5 .* has no class"),
    "no photograph": (lambda rows: written([rows[0] | {"source_image": " "}, *rows[1:]]), "row 2 .* has nothing in the column"),
    "one class": (lambda rows: written([row | {"class": "cell"} for row in rows]), "are of one class"),
    "another class": (lambda rows: written([row | {"class": row["class"].upper()} for row in rows]), "which has no images"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_ones_own_data_is_said(case: str, cells: Path, tmp_path: Path) -> None:
    manifest, words = WRONG[case]
    with pytest.raises(DataError, match=words):
        medical_imaging.recipe(data=altered(cells, tmp_path / "own.zip", manifest), size=32, strength=0.5)


def test_there_must_be_enough_images_of_new_types(tmp_path: Path) -> None:
    own = few_of(real("medical/blood_cells.zip"), tmp_path / "own.zip", 6, PARTS)
    with pytest.raises(DataError, match="0 types of 15 images or more"):
        medical_imaging.recipe(data=str(own), size=32)
