"""Rare diagnoses: recognise a diagnosis from the first 1, 2, 5 or 10 patients who have it and 100 who have none."""

from typing import Any

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.few_cases import BASELINE_MAKERS, few_cases, settings_of_cases
from quickstudy.datasets.against_normal import parts_against_normal
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import TableSplits
from quickstudy.metrics.classes import auprc, auroc, log_loss
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise

__all__ = ["rare_diagnosis"]

_PROMISED = {1: (Promise(0.005),)} | dict.fromkeys((2, 5, 10), (Promise(tie=True),))
_VALIDATED = ("elevated_tbg", "overreplaced")


def _recipe(*, data: Any = "", steps: int = 60, batch: int = 8, lr: float = 2e-2, normal: str = "none") -> Recipe:
    """Ridge regression with a kernel, on measurements and on how much they resemble known diagnoses.

    Args:
        data: a table with the columns diagnosis and split (train, val, test), all others are measurements.
        steps: outer steps.
        batch: tasks in an outer step.
        lr: step size of the outer loop, at its peak.
        normal: the diagnosis of patients who have none.
    """
    tables = data if isinstance(data, TableSplits) else _tables(str(data), normal)
    return few_cases(tables, steps=steps, batch=batch, lr=lr, test_cases=1)


def _tables(path: str, normal: str) -> TableSplits:
    if path:
        rows = read_table_file(path, as_written=("diagnosis", "split"))
        return parts_against_normal(rows, "diagnosis", normal, "split", path)
    rows = dict(read_table_file(shipped("clinical/thyroid.csv.gz"), as_written=("target",)))
    listed = read_table_file(shipped("clinical/tasks.csv"), as_written=("table", "positive", "split"))
    part_of = dict(zip(listed["positive"], listed["split"], strict=True)) | dict.fromkeys(_VALIDATED, "val")
    diagnosis = rows.pop("target")
    measured = {name: values for name, values in rows.items() if not name.endswith("_measured")}
    parts = _parted([str(name) for name in diagnosis], part_of)
    return parts_against_normal(measured | {"diagnosis": diagnosis, "split": parts}, "diagnosis", "none", "split", "thyroid")


def _parted(diagnosis: list[str], part_of: dict[str, str]) -> list[str]:
    """The part of each row: by diagnosis; of eight healthy patients three are to train on, one to validate, four to test."""
    turns = ("train", "test", "train", "test", "train", "test", "val", "test")
    count, found = 0, []
    for name in diagnosis:
        found.append(turns[count % len(turns)] if name == "none" else part_of[name])
        count += name == "none"
    return found


def _settings(recipe: Recipe) -> dict[str, Setting]:
    return settings_of_cases(recipe.read, _PROMISED)


rare_diagnosis = Application(
    name="rare-diagnosis",
    title="Recognise a rare diagnosis from the first 1, 2, 5 or 10 patients who have it, and 100 who have none",
    who="Clinical laboratories and hospitals that have seen a diagnosis once or a few times, and many patients without any.",
    bring=(
        "Measurements in a CSV file, one patient a row, with the columns diagnosis (one value for patients who have none: "
        "--recipe-arg normal=none) and split (train, val, test; a diagnosis is in one of them, healthy patients in all): --data "
        "patients.csv. Measurements may be missing. For a new diagnosis, a CSV file with the same measurements and a column "
        "that says case or normal: quickstudy adapt RUN cases.csv --label label."
    ),
    limits=(
        "It ranks patients by how much their measurements resemble the known cases more than healthy patients; a person decides. "
        "It is no medical device and was not validated for care. It tells one diagnosis from no diagnosis, not from another one. "
        "A random forest with tuned leaves is as good. Units must be those of meta-training."
    ),
    data=(
        "Thyroid records of the Garvan Institute, Sydney, 1984 to 1987 (J. R. Quinlan; UCI Machine Learning Repository, "
        "CC BY 4.0): 2,000 patients without a diagnosis, 24 diagnoses of 5 to 436 patients: 8 to meta-train on, 2 to validate, "
        "the 14 rarest to meta-test. No names or record numbers."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "random forest": Baseline(BASELINE_MAKERS["random forest"], choices(leaf=(1, 2, 4)), tasks=98, val_tasks=16),
        "logistic regression": Baseline(
            BASELINE_MAKERS["logistic regression"], choices(C=(0.01, 0.1, 1.0, 10.0), balanced=(True, False)), val_tasks=30
        ),
        "gradient boosting": Baseline(BASELINE_MAKERS["gradient boosting"], choices(leaf=(1, 5)), tasks=42, val_tasks=10),
        "nearest neighbour": Baseline(BASELINE_MAKERS["nearest neighbour"]),
        "known kinds pooled": Baseline(BASELINE_MAKERS["known kinds pooled"], control=True),
    },
    unit="diagnoses",
    metric=auroc,
    metrics=(auprc, log_loss),
    quick={"steps": 10},
)
