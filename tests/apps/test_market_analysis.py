"""Market analysis: a short training on series of one's own and on ours, and what is said of broken files."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from quickstudy import evaluate
from quickstudy.apps import market_analysis as app
from quickstudy.datasets import regular_series
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.metrics import coverage_95, mase
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.saving.checkpoint import load, save
from quickstudy.use.answers import answers
from quickstudy.use.queries import queries_of_rows
from quickstudy.use.support_set import support_set


def own(folder: Path, **changes: list[object]) -> Path:
    """Ten series of eight years of quarters, whose seasons and growth are alike and their sizes are not."""
    generator = np.random.default_rng(0)
    rows = []
    for series in range(10):
        size, growth = 10 ** generator.uniform(0, 3), 0.01 + 0.01 * generator.normal()
        season = np.array([0.3, 0.0, -0.2, 0.1]) + 0.1 * generator.normal(size=4)
        for step in range(32):
            value = size * (1 + season[step % 4] + growth * step + 0.03 * generator.normal())
            rows.append((f"s{series}", 2010 + step // 4, step % 4 + 1, round(value, 4)))
    frame = pd.DataFrame(rows, columns=["series", "year", "quarter", "value"]).assign(**changes)
    path = folder / "mine.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = app.recipe(data=str(own(tmp_path_factory.mktemp("series"))), steps=25, batch=8)
        for _ in recipe.records(seed=0):
            pass
    return recipe


def test_a_seriess_own_past_matters(trained: Recipe) -> None:
    setting = app.settings(trained)["3 years of the past"]
    assert setting.plan is not None
    scores = [
        evaluate(learner, setting.test, plan=setting.plan, metrics=(mase, coverage_95), strategy="loop")
        for learner in (trained.learner, ShuffledSupport(trained.learner))
    ]
    own_, shuffled = (report.other("mase").value for report in scores)
    assert own_ < 1.5 and shuffled > 1.5 * own_, (own_, shuffled)
    assert scores[0].other("coverage_95").value > 0.7


def test_each_baseline_answers(trained: Recipe) -> None:
    for name in ("1 year of the past", "2 years of the past"):
        setting = app.settings(trained)[name]
        for label, baseline in app.baselines.items():
            report = evaluate(
                baseline.make(trained, **baseline.choices[0]), setting.test, plan=setting.plan, limit=3, metrics=(mase,)
            )
            assert 0 < report.other("mase").value < 10, label


def test_a_new_series_is_forecast_from_a_file(trained: Recipe, tmp_path: Path) -> None:
    save(trained.learner, tmp_path / "learner.safetensors")
    learner = load(tmp_path / "learner.safetensors")
    rows = [f"{2020 + step // 4},{step % 4 + 1},{100 * (1 + [0.3, 0.0, -0.2, 0.1][step % 4])}" for step in range(8)]
    (tmp_path / "new.csv").write_text("\n".join(["year,quarter,value", *rows[::-1]]))
    read = support_set(tmp_path / "new.csv", learner)
    asked = ['{"year": 2022, "quarter": 1}', '{"year": 2022, "quarter": 3}']
    high, low = answers(learner(read.examples, read.classes), queries_of_rows(asked, learner.reads))
    assert 60 < low.scores["value"] < 95 < high.scores["value"] < 160


def test_our_series_are_parted_by_industry_and_in_time() -> None:
    parts, period = regular_series()
    assert period == 12 and [len(part.task_names) for part in parts] == [92, 20, 38]
    cut = 2002 * 12 + 3
    assert parts.train.time is not None and parts.test.time is not None
    assert int(parts.train.time.max()) < cut <= int(parts.test.time.min())


def refused(path: str | Path, wanted: str) -> None:
    with pytest.raises(DataError, match=re.escape(wanted)):
        app.recipe(data=str(path))


def test_what_is_wrong_with_a_table_is_said_with_its_row(tmp_path: Path) -> None:
    quarters = [1 + n % 4 for n in range(320)]
    refused(own(tmp_path, quarter=[*quarters[:9], 5, *quarters[10:]]), "row 9 (the first is 0) is of year 2012, quarter 5")
    refused(own(tmp_path, quarter=[*quarters[:9], 1, *quarters[10:]]), "has quarter 1 of 2012 twice, again in row 9")
    refused(own(tmp_path, value=["much"] + [1.5] * 319), "the column \"value\" has 'much' in row 0")
    refused(own(tmp_path, value=[1.5] * 319 + [None]), 'the column "value" has no value in row 319')
    refused(own(tmp_path, unit=["t"] * 319 + ["kg"]), "the series 's9' is in units 't' and 'kg' (row 319; the first is 0)")
    refused(own(tmp_path, split=["train"] * 40 + ["val"] * 120 + ["test"] * 160), "is in train and in val")
    refused(own(tmp_path, split=["first"] * 320), 'It must name the part, "train", "val" or "test"')


def test_what_is_no_table_of_series_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("series,year,month\na,2010,1\n")
    refused(path, f'{path} has no column "value". It needs series, year, month (or quarter)')
    path.write_text("series,year,value\na,2010,1\n")
    refused(path, "has no month and no quarter")
    path.write_text("series,year,quarter,value\na,2010,1,2\n")
    refused(path, "has 1 series, and 5 are needed")
    path.write_text("")
    refused(path, "is empty")
    path.write_bytes("series,year,quarter,value\nKöln,2010,1,2\n".encode("latin-1"))
    refused(path, "which is no utf-8")
    refused(tmp_path / "none.csv", "none.csv")
