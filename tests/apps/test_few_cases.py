"""Rare diagnoses and intrusions on small tables: they learn from the first cases, and say what is wrong with a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge as Reference

from apps.tables import written
from quickstudy import Examples, evaluate, learners
from quickstudy.apps import intrusion_detection, rare_diagnosis
from quickstudy.apps.application import Application
from quickstudy.errors import DataError, TaskError
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.likelihood import Categorical
from quickstudy.metrics import auprc, auroc, recall_at_1_percent
from quickstudy.metrics.predicted import Predicted
from quickstudy.nn import LaplaceKernel
from quickstudy.tasks import transactions

BOTH = {"diagnosis": rare_diagnosis, "pattern": intrusion_detection}
NORMAL = {"diagnosis": "none", "pattern": "normal"}


def records(label: str, *, cases: int = 16, normals: int = 170) -> list[tuple[Any, ...]]:
    """Two kinds of cases in each part, each with one of six measurements high, and normal rows in all."""
    random = np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for place, part in enumerate(("train", "val", "test")):
        values = np.exp(random.standard_normal((normals, 6)))
        rows += [(NORMAL[label], part, *row.round(4).tolist()) for row in values]
        for number in (2 * place, 2 * place + 1):
            values = np.exp(random.standard_normal((cases, 6)))
            values[:, number] *= 60
            rows += [(f"kind {number}", part, *row.round(4).tolist()) for row in values]
    return rows


def head(label: str) -> tuple[str, ...]:
    return (label, "split", *(f"m{number}" for number in range(6)))


@pytest.mark.parametrize("label", BOTH)
def test_it_learns_from_the_first_cases(tmp_path: Path, label: str) -> None:
    torch.manual_seed(0)
    application: Application = BOTH[label]
    recipe = application.recipe(data=written(tmp_path / "rows.csv", records(label), head(label)), steps=8, batch=4)
    losses = [record.loss for record in recipe.records(seed=0)]
    assert losses[-1] < losses[0] + 0.1
    setting = application.settings(recipe)["5 cases"]
    assert setting.plan is not None and set(setting.plan.tasks.tolist()) == {0, 1}

    def score(model: Any, strategy: Any = "auto") -> float:
        report = evaluate(model, setting.test, plan=setting.plan[:6], metrics=(auroc,), strategy=strategy)
        return float(report.others[0].value)

    right, shuffled = score(recipe.learner), score(ShuffledSupport(recipe.learner), "loop")
    assert right > 0.85 and right > shuffled + 0.15, (right, shuffled)


def test_its_own_data_are_parted_by_kind_and_equal_rows_stay_together() -> None:
    recipe = rare_diagnosis.recipe(steps=1)
    train, val, test = recipe.read
    assert (len(train.task_names), len(val.task_names), len(test.task_names)) == (8, 2, 14)
    assert not set(train.task_names) & set(test.task_names)
    plan = rare_diagnosis.settings(recipe)["1 case"].plan
    assert plan is not None and len(plan) >= 300
    groups = rare_diagnosis.settings(recipe)["1 case"].test.table.groups
    one = plan[:1]
    support = set(groups[one.support_rows[one.support_mask]].tolist())
    assert not support & set(groups[one.query_rows[one.query_mask]].tolist())


@pytest.mark.parametrize("label", BOTH)
def test_baselines_are_made_of_a_recipe(tmp_path: Path, label: str) -> None:
    application: Application = BOTH[label]
    recipe = application.recipe(data=written(tmp_path / "rows.csv", records(label), head(label)), steps=1)
    setting = application.settings(recipe)["5 cases"]
    for name, baseline in application.baselines.items():
        report = evaluate(
            baseline.make(recipe, **baseline.choices[0]), setting.test, plan=setting.plan, limit=1, metrics=(auroc,)
        )
        assert float(report.others[0].value) > (0.0 if baseline.control else 0.45), name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows, top: ([row[1:] for row in rows], top[1:]), "no column"),
        (lambda rows, top: ([(row[0], *row[2:]) for row in rows], (top[0], *top[2:])), "no column"),
        (lambda rows, top: ([*rows, ("kind 0", "test", *[1] * 6)], top), "is in train and in test"),
        (lambda rows, top: ([*rows, ("kind 0", "train", "high", *[1] * 5)], top), 'column "m0" holds numbers, but row'),
        (lambda rows, top: ([*rows, ("kind 0", "soon", *[1] * 6)], top), "must name the part"),
        (lambda rows, top: ([row for row in rows if row[0].startswith("kind")], top), "normal rows"),
        (lambda rows, top: ([row for row in rows if not row[0].startswith("kind")], top), "class|kind"),
        (lambda rows, top: ([], top), "no rows"),
    ],
    ids=["label", "split", "in two parts", "word", "part", "no normal rows", "no cases", "empty"],
)
@pytest.mark.parametrize("label", BOTH)
def test_what_is_wrong_with_a_table(tmp_path: Path, label: str, change: Any, said: str) -> None:
    rows, top = change(records(label, cases=8, normals=20), head(label))
    with pytest.raises(DataError, match=said):
        BOTH[label].recipe(data=written(tmp_path / "rows.csv", rows, top))


def test_a_table_that_is_too_small_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="beside 101 normal ones"):
        rare_diagnosis.recipe(data=written(tmp_path / "rows.csv", records("diagnosis", normals=50), head("diagnosis")))


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("diagnosis,split,m\nGrippe,train,1\nGr\u00fc\u00dfe,train,2\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 3"):
        rare_diagnosis.recipe(data=str(path))


@pytest.mark.parametrize("balanced", [True, False])
def test_kernel_ridge_is_scikit_learns(balanced: bool) -> None:
    x, labels = torch.randn(20, 4, dtype=torch.float64), torch.tensor([0] * 16 + [1] * 4)
    learner = learners.KernelRidge(torch.nn.Identity(), LaplaceKernel(4, weight=0.3), penalty=0.7, scale=1.0, balanced=balanced)
    support = Examples.of(x, labels)
    weights = np.where(labels.numpy() == 0, 20 / 2 / 16, 20 / 2 / 4) if balanced else np.ones(20)
    reference = Reference(alpha=0.7, kernel="laplacian", gamma=0.3)
    reference.fit(x.numpy(), support.y.double().numpy(), sample_weight=weights)
    queries = torch.randn(6, 4, dtype=torch.float64)
    expected = torch.from_numpy(reference.predict(queries.numpy()))
    torch.testing.assert_close(learner.double()(support)(queries), expected, rtol=1e-5, atol=1e-6)


def test_recall_at_one_percent_of_false_alarms() -> None:
    """200 normal queries: two of them may be above the threshold, so it is the third largest score of them."""
    normal, cases = torch.linspace(0, 1, 200), torch.tensor([0.98, 0.992, 1.5, 0.5])
    scores = torch.cat([normal, cases])
    said = Predicted.of(torch.stack([-scores, scores], 1), Categorical())
    y = torch.eye(2)[[0] * 200 + [1] * 4]
    third = float(normal.sort(descending=True).values[2])
    assert recall_at_1_percent(said, y) == float((cases > third).float().mean()) == 0.5


def test_transactions_of_new_families_are_for_meta_test() -> None:
    rows = transactions(3, 20, 600)
    part_of = {(pattern.rsplit(" ", 1)[0], split) for pattern, split in zip(rows["pattern"], rows["split"], strict=True)}
    tested = {family for family, part in part_of if part == "test"} - {"normal"}
    assert len(tested) == 4 and not tested & {family for family, part in part_of if part != "test"} - {"normal"}
    amounts = np.array(rows["amount"])[np.array(rows["pattern"]) == "normal"]
    assert abs(np.log(amounts).mean() - 3.2) < 0.15
    assert rows["amount"] == transactions(3, 20, 600)["amount"]


def test_transactions_can_be_learned() -> None:
    recipe = intrusion_detection.recipe(problem="transactions", steps=1)
    setting = intrusion_detection.settings(recipe)["5 cases"]
    report = evaluate(recipe.learner, setting.test, plan=setting.plan, limit=20, metrics=(auprc,))
    assert float(report.others[0].value) > 0.35  # one query in seven is a case
