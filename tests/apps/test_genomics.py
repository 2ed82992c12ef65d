"""Genomics on five types of one donor: it learns from the labelled cells, and says what is wrong with a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from apps.tables import written
from quickstudy import evaluate
from quickstudy.apps import genomics
from quickstudy.datasets.cells import read_cells, within_set
from quickstudy.datasets.shipped import shipped
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.inputs.columns import Columns

GENES = ("CD3D", "LYZ", "MS4A1", "NKG7")


def cells(shift: float = 0.0, types: tuple[str, ...] = ("B", "NK", "T")) -> list[tuple[Any, ...]]:
    """Rows of three parts: each type has one gene that is high; ``shift`` is added in the part for meta-test."""
    random = np.random.default_rng(0)
    rows = []
    for part in ("train", "val", "test"):
        for number, name in enumerate(types):
            levels = random.standard_normal((20, 4)) * 0.3
            levels[:, number] += 2
            rows += [(name, part, *(row + shift * (part == "test")).round(3).tolist()) for row in levels]
    return rows


HEAD = ("cell_type", "split", *GENES)


def test_it_learns_from_the_labelled_cells() -> None:
    torch.manual_seed(0)
    recipe = genomics.recipe(steps=5, batch=2)
    assert len(recipe.read.test.classes) == 7 and isinstance(recipe.reads, Columns) and recipe.reads.width == 186
    for _ in recipe.records(seed=0):
        pass
    source = genomics.settings(recipe)["5-way 3-shot"].test
    right = evaluate(recipe.learner, source, tasks=12, seed=0).mean
    shuffled = evaluate(ShuffledSupport(recipe.learner), source, tasks=12, seed=0, strategy="loop").mean
    assert right > 0.6 and right > shuffled + 0.25, (right, shuffled)


def test_genes_are_z_scores_within_each_set() -> None:
    values = read_cells(shipped("cells/pbmc3k.npz")).values
    scaled = within_set(values)
    expected = (values - values.mean(0)) / (values.std(0) + 0.05)
    np.testing.assert_allclose(scaled, expected.clip(-4, 4), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(within_set(3 * values[:, :5] + 7)[:, 0], within_set(values[:, :5])[:, 0], atol=0.2)


def test_a_table_of_ones_own_is_learned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    recipe = genomics.recipe(data=written(tmp_path / "cells.csv", cells(), HEAD), steps=2, batch=2)
    settings = genomics.settings(recipe)
    assert next(iter(settings)) == "3-way 1-shot" and recipe.reads.names == GENES
    assert evaluate(recipe.learner, settings["3-way 5-shot"].test, tasks=5, seed=0).mean > 0.95


def test_baselines_are_made_of_a_recipe(tmp_path: Path) -> None:
    recipe = genomics.recipe(data=written(tmp_path / "cells.csv", cells(), HEAD), steps=1)
    setting = genomics.settings(recipe)["3-way 2-shot"]
    for name, baseline in genomics.baselines.items():
        for choice in baseline.choices[:1]:
            assert evaluate(baseline.make(recipe, **choice), setting.test, tasks=2, seed=0).mean > 0.6, name


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([row[2:] for row in cells()], GENES, "cell_type"),
        ([*cells(), ("B", "train", "high", 0, 0, 0)], HEAD, 'column "CD3D" holds numbers, but row 180'),
        ([*cells(), ("", "train", 0, 0, 0, 0)], HEAD, "cell_type"),
        ([*cells(), ("B", "later", 0, 0, 0, 0)], HEAD, "must name the part"),
        (cells(shift=9.0), HEAD, "z-scores within each data set"),
        ([], HEAD, "no rows"),
        ([row for row in cells() if row[0] == "B"], HEAD, "one class|two|2"),
    ],
    ids=["label", "word", "no type", "part", "units", "empty", "one type"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        genomics.recipe(data=written(tmp_path / "cells.csv", rows, head))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cells.csv"
    path.write_bytes("cell_type,split,G\u00fc\n".encode("latin-1") + b"B,train,1\n")
    with pytest.raises(DataError, match="line 1|encoding"):
        genomics.recipe(data=str(path))
