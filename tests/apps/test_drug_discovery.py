"""Drug discovery on nine assays: it learns from the compounds that were measured, and says what is wrong with a table."""

from pathlib import Path
from typing import Any

import pytest

from apps.tables import written
from quickstudy import evaluate
from quickstudy.apps import drug_discovery
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_file import read_table_file
from quickstudy.errors import DataError, TaskError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.inputs.molecules import Molecules
from quickstudy.metrics import delta_auprc
from quickstudy.tasks.source import generator_of

HEAD = ("smiles", "active", "assay", "split")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two assays to train on, one to validate, six to test."""
    parts = read_table_file(shipped("molecules/fsmol_tasks.csv.gz"), as_written=("task", "split"))
    counts = {"train": 2, "valid": 1, "test": 6}
    part_of: dict[str, str] = {}
    for task, part, size in zip(parts["task"], parts["split"], parts["n"], strict=True):
        if counts[part] and 72 <= size <= 100:
            part_of[task], counts[part] = part, counts[part] - 1
    rows = read_table_file(shipped("molecules/fsmol_mini.csv.gz"), as_written=("task", "smiles", "active"))
    chosen = [
        (smiles, active, task, part_of[task])
        for task, smiles, active in zip(rows["task"], rows["smiles"], rows["active"], strict=True)
        if task in part_of
    ]
    return written(tmp_path_factory.mktemp("assays") / "assays.csv", chosen, HEAD)


def score(learner: Any, recipe: Any, **more: Any) -> float:
    source = drug_discovery.settings(recipe)["32 compounds"].test
    plan = source.each(generator_of(0), 4)
    report = evaluate(learner, source, plan=plan, metrics=(delta_auprc,), **more)
    return float(report.others[0].value)


def test_it_learns_from_the_compounds_that_were_measured(table: str) -> None:
    recipe = drug_discovery.recipe(data=table, steps=4, batch=2)
    assert isinstance(recipe.train.reads, Molecules) and len(recipe.read.test.task_names) == 6
    losses = [record.loss for record in recipe.records(seed=0)]
    assert losses[-1] < losses[0] + 0.3
    learned, shuffled = score(recipe.learner, recipe), score(ShuffledSupport(recipe.learner), recipe, strategy="loop")
    assert learned > 0.15 and learned > shuffled + 0.1, (learned, shuffled)


def test_support_sets_have_the_shares_of_their_assay(table: str) -> None:
    recipe = drug_discovery.recipe(data=table, steps=1)
    setting = drug_discovery.settings(recipe)["32 compounds"]
    assert setting.plan is not None and len(setting.plan) == 60 == 10 * len(set(setting.plan.tasks[:, None].flatten().tolist()))
    tasks = setting.test.gather(setting.plan[:6])
    whole = tasks.support.y.sum(1) + tasks.query.y.sum(1)
    assert bool((tasks.support.mask.sum(1) == 32).all())
    expected = 32 * whole[:, 1] / whole.sum(1)
    assert bool(((tasks.support.y.sum(1)[:, 1] - expected).abs() <= 0.5).all())


def test_baselines_are_made_of_a_recipe(table: str) -> None:
    recipe = drug_discovery.recipe(data=table, steps=1)
    setting = drug_discovery.settings(recipe)["16 compounds"]
    for name, baseline in drug_discovery.baselines.items():
        model = baseline.make(recipe, **baseline.choices[0])
        report = evaluate(model, setting.test, plan=setting.plan, limit=1, metrics=(delta_auprc,))
        assert len(report.scores) == 1, name


GOOD = [("CCO", 1, 1), ("CCN", 0, 2), ("CCC", 1, 3), ("CCF", 0, 4), ("CO", 1, 5), ("CN", 0, 6)]


@pytest.mark.parametrize(
    ("rows", "head", "said"),
    [
        ([row[:2] for row in GOOD], ("smiles", "active"), "no column 'assay'"),
        ([*GOOD, ("CCO", "5.2", 7)], HEAD[:3], 'column "active" has .*5.2.* in row 6'),
        ([*GOOD, ("CCO", "", 7)], HEAD[:3], 'column "active" has no value in row 6'),
        ([*GOOD, ("no molecule", 1, 7)], HEAD[:3], "text 6 .* no molecule"),
        ([*GOOD, ("", 1, 7)], HEAD[:3], "text 6"),
        ([*GOOD, ("CCO", 1, "")], HEAD[:3], 'column "assay" has no value in row 6'),
        ([], HEAD[:3], "no rows"),
        ([(*row, "train") for row in GOOD], HEAD, "leaves no rows for val and test"),
        ([(*row, "later") for row in GOOD], HEAD, "must name the part"),
        ([("CCO", 1, 7), ("CCN", 0, 7)], HEAD[:3], "too few"),
    ],
    ids=["column", "potency", "result", "smiles", "no smiles", "assay", "empty", "parts", "part", "one assay"],
)
def test_what_is_wrong_with_a_table(tmp_path: Path, rows: list[Any], head: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError, match=said):
        drug_discovery.recipe(data=written(tmp_path / "assays.csv", rows, head))


def test_assays_that_are_too_small_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="has 48 molecules"):
        drug_discovery.recipe(data=written(tmp_path / "assays.csv", GOOD * 2, HEAD[:3]))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "assays.csv"
    path.write_bytes("smiles,active,assay\nCCO,1,Gr\xfc\xdfe\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 2"):
        drug_discovery.recipe(data=str(path))
