"""Rare diagnosis, intrusion detection and genomics from a table to the answers: adapted and asked by CSV files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from apps.tables import written
from apps.test_few_cases import head, records
from apps.test_genomics import GENES, cells
from apps.test_new_hospital import HEAD as HOSPITAL_HEAD
from apps.test_new_hospital import patients
from quickstudy.apps.known import application_named
from quickstudy.runs.appraise import run_of

Call = Callable[..., tuple[int, str, str]]


def answers(folder: Path, call: Call, name: str, files: dict[str, str], label: str) -> list[str]:
    """What `quickstudy predict` says of each row, after `quickstudy adapt`."""
    run = run_of(application_named(name), folder / "run", {"data": files["known"], "steps": 2, "batch": 2}, 0)
    assert len(list(run.train())) >= 2
    predictor = folder / "new.safetensors"
    status, _, err = call("adapt", folder / "run", files["labelled"], "--label", label, "-o", predictor)
    assert status == 0, err
    status, out, err = call("predict", predictor, files["asked"], "--json", "--threshold", 0)
    assert status == 0, err
    return [found["class"] for found in json.loads(out)]


@pytest.mark.parametrize(("name", "label"), [("rare-diagnosis", "diagnosis"), ("intrusion-detection", "pattern")])
def test_new_cases_are_recognised(tmp_path: Path, call: Call, name: str, label: str) -> None:
    random = np.random.default_rng(5)
    rows = np.exp(random.standard_normal((112, 6))).round(4)
    rows[[*range(100, 105), 110], 2] *= 80
    marked = [("case" if 100 <= number < 105 else "normal", *row) for number, row in enumerate(rows[:110].tolist())]
    measured = head(label)[2:]
    files = {
        "known": written(tmp_path / "known.csv", records(label), head(label)),
        "labelled": written(tmp_path / "cases.csv", marked, ("label", *measured)),
        "asked": written(tmp_path / "asked.csv", [tuple(row) for row in rows[110:].tolist()], measured),
    }
    assert answers(tmp_path, call, name, files, "label") == ["case", "normal"]


def test_patients_in_a_new_hospital_are_told_apart(tmp_path: Path, call: Call) -> None:
    own = [(row[1], *row[3:]) for row in patients() if row[0] == "h5"]
    measured = HOSPITAL_HEAD[3:]
    files = {
        "known": written(tmp_path / "known.csv", patients(), HOSPITAL_HEAD),
        "labelled": written(tmp_path / "mine.csv", own[:30], ("outcome", *measured)),
        "asked": written(tmp_path / "others.csv", [(2.5, -3.0, 0.0), (-2.5, 3.0, 0.0)], measured),
    }
    assert answers(tmp_path, call, "new-hospital", files, "outcome") == ["ill", "healthy"]


def test_cells_of_a_new_donor_are_named(tmp_path: Path, call: Call) -> None:
    test = [(row[0], *row[2:]) for row in cells(types=("NK", "B", "DC")) if row[1] == "test"]
    files = {
        "known": written(tmp_path / "known.csv", cells(), ("cell_type", "split", *GENES)),
        "labelled": written(
            tmp_path / "labelled.csv", [row for place, row in enumerate(test) if place % 20 < 4], ("cell_type", *GENES)
        ),
        "asked": written(tmp_path / "asked.csv", [test[30][1:], test[50][1:]], GENES),
    }
    assert answers(tmp_path, call, "genomics", files, "cell_type") == ["B", "DC"]
