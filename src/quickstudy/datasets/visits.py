"""Visits of patients: scores measured again and again, of the parkinsons data, of a drug's curve, or of a table of one's own."""

from typing import Any

import numpy as np
import pandas as pd

from quickstudy.borders.arguments import shown
from quickstudy.datasets.parts_by_name import parts_by_name
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import TableSplits
from quickstudy.errors import DataError
from quickstudy.inputs.column import is_missing

__all__ = ["PATIENT_FOLDS", "patient_visits"]

PATIENT_FOLDS = 5
"""Folds by patient: first the split of the data, then four of the patients that are not in its test."""

_NEEDED = ("patient", "day", "value")
_FEWEST, _VALIDATED = 6, 6


def patient_visits(data: str = "", fold: int = 0) -> TableSplits:
    """A task for each patient and score; inputs are the day and the score, and visits of one day are one.

    Args:
        data: "" for the motor and the total score of Parkinson's disease (UPDRS) of 42 patients; "pharmacokinetics" for
            concentrations of theophylline, with another drug in the test; or a file with the columns patient, day (since the
            patient's first visit) and value; score, unit and split (train, val, test) may be there too.
        fold: below `PATIENT_FOLDS`, so that each patient is in the test of one; 0 is the split of the data.

    Raises:
        DataError: a column is missing, holds no numbers, or mixes units; too few patients, or one of them in two parts.
    """
    rows = _concentrations() if data == "pharmacokinetics" else _own(data) if data else _parkinsons()
    rows = _folded(rows, fold) if fold else rows
    rows = rows.groupby(["patient", "score", "day", "split"], as_index=False, sort=True).value.mean()
    name = "parkinsons" if not data else data.replace("\\", "/").rpartition("/")[2].split(".")[0]
    return _tables(rows, name)


def _parkinsons() -> pd.DataFrame:
    read = pd.read_csv(shipped("patients/parkinsons.csv.gz"))
    read["day"] = np.floor(read.day)
    named = read.rename(columns={"subject": "patient", "motor_updrs": "motor", "total_updrs": "total"})
    return named.melt(["patient", "day", "split"], ["motor", "total"], "score", "value")


def _folded(rows: pd.DataFrame, fold: int) -> pd.DataFrame:
    """The rows with a fourth of the patients that are not in the test of the split as the test instead."""
    others = rows.patient[rows.split != "test"].unique()
    if len(others) < PATIENT_FOLDS - 1:
        raise DataError(f"{len(others)} patients beside those of the test are too few for folds. Give more, or no column split.")
    parts = np.array_split(np.random.default_rng(0).permutation(others), PATIENT_FOLDS - 1)
    test, val = parts[fold - 1], parts[fold % (PATIENT_FOLDS - 1)][:_VALIDATED]
    return rows.assign(split=np.select([rows.patient.isin(test), rows.patient.isin(val)], ["test", "val"], "train"))


def _concentrations() -> pd.DataFrame:
    """Of theophylline in 12 subjects, two of them for validation, and of another drug in 6 more for the test alone."""
    rows = pd.read_csv(shipped("patients/pharmacokinetics.csv.gz"))
    seen = rows.drug.str.startswith("theophylline")
    patient = rows.drug + " " + rows.subject.map("{:02d}".format)
    split = np.select([seen & (rows.subject <= 6), seen & (rows.subject <= 8)], ["train", "val"], "test")
    return pd.DataFrame({"patient": patient, "score": "mg/l", "day": rows.time_h / 24, "value": rows.conc_mg_l, "split": split})


def _own(data: str) -> pd.DataFrame:
    """A table of one's own, checked."""
    found = read_table_file(data, as_written=("patient", "score", "split", "unit"))
    for name in _NEEDED:
        if name not in found:
            raise DataError(
                f'{data} has no column "{name}". It needs patient, day (since the patient\'s first visit) and value; score (what '
                "was measured), unit and split may be there too."
            )
    rows = pd.DataFrame({name: found[name] for name in found if name in (*_NEEDED, "score", "split", "unit")})
    for name in ("day", "value"):
        numbers = pd.to_numeric(rows[name], errors="coerce")
        if bool(numbers.isna().any()):
            row = int(numbers.isna().argmax())
            kind = "days since the patient's first visit" if name == "day" else "numbers; leave visits without one out"
            value = "no value" if is_missing(rows[name].iloc[row]) else shown(rows[name].iloc[row])
            raise DataError(f'{data}: the column "{name}" has {value} in row {row} (the first is 0). Give {kind}.')
        rows[name] = numbers
    if "score" not in rows:
        rows["score"] = "value"
    if "unit" in rows:
        mixed = rows.groupby("score").unit.nunique()
        if bool((mixed > 1).any()):
            score = mixed.idxmax()
            units = sorted(rows.unit[rows.score == score].unique())
            row = int(((rows.score == score) & (rows.unit != units[0])).argmax())
            named = f"{units[0]!r} and {units[1]!r} (row {row}; the first is 0)"
            raise DataError(f"{data}: the score {score!r} is in units {named}. Convert all to one unit.")
    if "split" not in rows:
        rows["split"] = _parted(rows.patient, data)
    shared = rows.groupby("patient").split.nunique()
    if bool((shared > 1).any()):
        raise DataError(f"{data}: the patient {shared.idxmax()!r} is in two parts of the split. Keep each patient in one.")
    return rows


def _parted(patients: "pd.Series[Any]", data: str) -> "pd.Series[Any]":
    """A part for each patient, a fifth of them for validation and another for the test."""
    names = sorted(patients.unique())
    if len(names) < _FEWEST:
        raise DataError(
            f"{data} has {len(names)} patient{'' if len(names) == 1 else 's'}, and {_FEWEST} are needed to learn from some and "
            "to evaluate on others. Give more patients; to predict one patient, use quickstudy adapt with a trained learner."
        )
    return patients.map(parts_by_name(names))


def _tables(rows: pd.DataFrame, name: str) -> TableSplits:
    columns = {"patient": rows.patient.astype(str).tolist()} | {c: rows[c].tolist() for c in ("day", "score", "value", "split")}
    columns["series"] = [f"{patient}, {score}" for patient, score in zip(columns["patient"], columns["score"], strict=True)]
    inputs = ["day", "score"]
    parts: TableSplits = table(
        columns, target="value", task="series", time="day", split="split", columns=inputs, categories=["score"], name=name
    )
    return parts
