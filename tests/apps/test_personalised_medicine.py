"""Personalised medicine: a short training, data of one's own, and what is said of broken files."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from quickstudy import evaluate
from quickstudy.apps import personalised_medicine as app
from quickstudy.datasets.visits import PATIENT_FOLDS, patient_visits
from quickstudy.errors import DataError
from quickstudy.evaluation.controls import NoSupport
from quickstudy.metrics import coverage_95, mean_absolute_error
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.saving.checkpoint import load, save
from quickstudy.task import Task
from quickstudy.tasks.source import Plan, TaskSource
from quickstudy.use.answers import answers
from quickstudy.use.queries import queries_of_rows
from quickstudy.use.support_set import support_set


@pytest.fixture(scope="module")
def trained() -> Recipe:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        recipe = app.recipe(steps=80, batch=8)
        for _ in recipe.records(seed=0):
            pass
    return recipe


class Strange(TaskSource[Plan]):
    """The tasks of a source, each with the support set of another patient."""

    def __init__(self, source: TaskSource[Plan]) -> None:
        self.source, self.name = source, "strange"

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Plan:
        return self.source.plan(batch, generator)

    @property
    def reads(self):  # type: ignore[no-untyped-def]
        return self.source.reads

    def gather(self, plan: Plan) -> Task:
        tasks = self.source.gather(plan)
        return Task(tasks[torch.arange(len(tasks)).roll(4)].support, tasks.query)


def test_a_patients_own_visits_matter(trained: Recipe) -> None:
    setting = app.settings(trained)["first 5 visits"]
    assert setting.plan is not None and len(setting.plan) == 20
    own, strange, none = (
        evaluate(learner, source, plan=setting.plan, metrics=(mean_absolute_error, coverage_95), batch=50)
        for learner, source in (
            (trained.learner, setting.test),
            (trained.learner, Strange(setting.test)),
            (NoSupport(trained.learner), setting.test),
        )
    )
    errors = [report.other("mean_absolute_error").value for report in (own, strange, none)]
    assert errors[0] < 4 and errors[1] > 1.5 * errors[0] and errors[2] > 1.5 * errors[0], errors
    assert own.other("coverage_95").value > 0.85


def test_each_patient_is_tested_in_one_fold_and_is_in_one_part() -> None:
    seen: list[str] = []
    for fold in range(PATIENT_FOLDS):
        parts = [{name.rpartition(", ")[0] for name in part.task_names} for part in patient_visits(fold=fold)]
        assert len(set.union(*parts)) == sum(map(len, parts)) == 42
        seen += parts[2]
    assert len(seen) == 42 == len(set(seen))


def test_units_are_patients_over_all_folds(trained: Recipe) -> None:
    one, other = (app.settings(app.recipe(fold=fold))["first 2 visits"].units for fold in (0, 1))
    assert one is not None and other is not None
    assert len(set(one.tolist())) == 10 and not set(one.tolist()) & set(other.tolist())


def own(folder: Path, **changes: list[object]) -> Path:
    """Six patients whose glucose falls by a slope of their own, ten visits each."""
    generator = np.random.default_rng(0)
    rows = []
    for patient in range(6):
        level, slope = 100 + 10 * generator.normal(), -0.1 + 0.02 * generator.normal()
        rows += [(f"p{patient}", 7 * visit, level + slope * 7 * visit) for visit in range(10)]
    frame = pd.DataFrame(rows, columns=["patient", "day", "value"]).assign(**changes)
    path = folder / "mine.csv"
    frame.to_csv(path, index=False)
    return path


def test_each_baseline_answers(tmp_path: Path) -> None:
    recipe = app.recipe(data=str(own(tmp_path)))
    setting = app.settings(recipe)["first 3 visits"]
    for name, baseline in app.baselines.items():
        for choice in baseline.choices[:2]:
            report = evaluate(baseline.make(recipe, **choice), setting.test, plan=setting.plan, metrics=(mean_absolute_error,))
            assert 0 < report.other("mean_absolute_error").value < 25, name


def test_ones_own_table_is_meta_trained_on_and_a_new_patient_predicted(tmp_path: Path) -> None:
    recipe = app.recipe(data=str(own(tmp_path)), steps=30)
    for _ in recipe.records(seed=0):
        pass
    assert list(app.settings(recipe)) == ["first 1 visit", *(f"first {k} visits" for k in (2, 3, 5, 8))]
    save(recipe.learner, tmp_path / "learner.safetensors")
    learner = load(tmp_path / "learner.safetensors")
    (tmp_path / "new.csv").write_text("day,score,value\n0,value,90.5\n7,value,90.1\n")
    read = support_set(tmp_path / "new.csv", learner)
    predictor = learner(read.examples, read.classes)
    (answer,) = answers(predictor, queries_of_rows(['{"day": 14, "score": "value"}'], learner.reads))
    assert answer.fault is None and 70 < answer.scores["value"] < 110


def test_the_drugs_curve_is_read() -> None:
    parts = patient_visits("pharmacokinetics")
    assert [len(part.task_names) for part in parts] == [6, 2, 10]
    assert all("indomethacin" not in name for name in (*parts.train.task_names, *parts.val.task_names))


def refused(path: str | Path, wanted: str) -> None:
    with pytest.raises(DataError, match=re.escape(wanted)):
        app.recipe(data=str(path))


def test_what_is_wrong_with_a_table_is_said_with_its_row(tmp_path: Path) -> None:
    refused(own(tmp_path, day=["today"] * 60), "the column \"day\" has 'today' in row 0 (the first is 0). Give days since")
    values = [1.5] * 60
    refused(own(tmp_path, value=[*values[:7], None, *values[8:]]), 'the column "value" has no value in row 7 (the first is 0)')
    refused(own(tmp_path, unit=["mg/dl"] * 59 + ["mmol/l"]), "is in units 'mg/dl' and 'mmol/l' (row 59; the first is 0)")
    refused(own(tmp_path, patient=["ann"] * 60), "has 1 patient, and 6 are needed")
    refused(own(tmp_path, split=["train"] * 5 + ["test"] * 55), "the patient 'p0' is in two parts of the split")
    refused(own(tmp_path, split=["first"] * 60), 'It must name the part, "train", "val" or "test"')
    refused(own(tmp_path, split=["train"] * 60), "val")


def test_what_is_no_table_is_said(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("patient,day,score\na,1,2\n")
    refused(path, f'{path} has no column "value". It needs patient, day')
    path.write_text("")
    refused(path, "is empty")
    path.write_bytes("patient,day,value\nMüller,1,2\n".encode("latin-1"))
    refused(path, "which is no utf-8")
    path.write_text("patient,day,value\n" + "".join(f"p{n},0,1.5\n" for n in range(8)))
    refused(path, "in one of the parts, everyone has one visit alone")
    refused(tmp_path / "none.csv", "none.csv")
