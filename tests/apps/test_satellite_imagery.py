"""Satellite imagery on two hundred tiles: it learns new types from their examples, and says what is wrong with a manifest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.photos import altered, few_of, real, scores, written
from quickstudy.apps import satellite_imagery
from quickstudy.errors import DataError
from quickstudy.evaluation.evaluate import evaluate

PARTS = {
    "train": ("barren", "mixed_forest", "savanna"),
    "val": ("grassland", "water"),
    "test": ("coast", "cropland", "snow_ice"),
}


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty tiles of each of eight types."""
    return few_of(real("land_use/land_cover.zip"), tmp_path_factory.mktemp("tiles") / "tiles.zip", 30, PARTS)


@pytest.fixture(scope="module")
def recipe(tiles: Path) -> Any:
    return satellite_imagery.recipe(data=str(tiles), size=64, steps=6, val_tasks=5)


def test_it_learns_new_types_from_their_examples(recipe: Any) -> None:
    losses = [record.loss for record in recipe.records(seed=0)]
    assert len(losses) == 6
    learned, shuffled = scores(recipe.learner, satellite_imagery.settings(recipe)["3-way 5-shot"].test)
    assert learned > 0.75 and learned > shuffled + 0.25, (learned, shuffled)


def test_support_and_query_share_no_block_of_15_degrees(recipe: Any) -> None:
    for setting in satellite_imagery.settings(recipe).values():
        groups, plan = setting.test.data.groups, setting.plan
        assert plan is not None
        for support, query in zip(groups[plan.support_rows], groups[plan.query_rows], strict=True):
            assert not set(support.tolist()) & set(query.tolist())


def test_baselines_are_made_of_a_recipe(recipe: Any) -> None:
    setting = satellite_imagery.settings(recipe)["3-way 1-shot"]
    for name, baseline in satellite_imagery.baselines.items():
        source = setting.test if baseline.inputs is None else baseline.inputs(setting.test)
        report = evaluate(baseline.make(recipe, **baseline.choices[0]), source, plan=setting.plan, limit=2)
        assert report.mean > 0.2, name


Rows = list[dict[str, str]]


def first(rows: Rows, **values: str) -> str:
    return written([rows[0] | values, *rows[1:]])


WRONG: dict[str, tuple[Callable[[Rows], Any], str]] = {
    "a column": (lambda rows: written([{k: v for k, v in row.items() if k != "lat"} for row in rows]), 'no column "lat"'),
    "empty": (lambda rows: written(rows).splitlines()[0], "has no rows"),
    "encoding": (lambda rows: written(rows).encode("utf-16"), "is not UTF-8"),
    "no number": (lambda rows: first(rows, lat="12° N"), "row 2 .* '12° N' in the column \"lat\", which is no number of degrees"),
    "another unit": (
        lambda rows: first(rows, lon="1250000"),
        'row 2 .* 1.25e.06 in the column "lon", which lies from -180 to 180',
    ),
    "unknown file": (lambda rows: first(rows, file="barren/none.png"), "row 2 .* is not in"),
    "no class": (lambda rows: first(rows, **{"class": ""}), "row 2 .* has no class"),
    "one class": (lambda rows: written([row | {"class": "land"} for row in rows]), "are of one class"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_ones_own_data_is_said(case: str, tiles: Path, tmp_path: Path) -> None:
    manifest, words = WRONG[case]
    with pytest.raises(DataError, match=words):
        satellite_imagery.recipe(data=altered(tiles, tmp_path / "own.zip", manifest), size=32)


def test_each_part_needs_two_types(tmp_path: Path) -> None:
    own = few_of(real("land_use/land_cover.zip"), tmp_path / "own.zip", 3, PARTS | {"val": ("water",)})
    with pytest.raises(DataError, match='the part "val" has 1 types of land cover, and needs two'):
        satellite_imagery.recipe(data=str(own), size=32)
