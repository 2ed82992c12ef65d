"""Records in JSON whose whole numbers are infinite: a sentence, as for any other damage."""

import json
from pathlib import Path

import pytest
import torch

from quickstudy import datasets, evaluate, learners
from quickstudy.errors import ArtefactError, DataError
from quickstudy.reports.report import Report
from quickstudy.tasks import FewShot


def _infinite(file: Path, *keys: str | int) -> None:
    found = json.loads(file.read_text())
    inner = found
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = float("inf")
    file.write_text(json.dumps(found))


def test_a_store(tmp_path: Path) -> None:
    index = datasets.from_arrays(torch.randn(6, 2), [0, 0, 0, 1, 1, 1])
    datasets.write_store(tmp_path / "store", index)
    _infinite(tmp_path / "store" / "store.json", "version")
    with pytest.raises(DataError, match=r"holds no complete store \(cannot convert float infinity to integer\)"):
        datasets.open_store(tmp_path / "store")


def test_a_report(tmp_path: Path) -> None:
    index = datasets.from_arrays(torch.randn(12, 2), torch.arange(12) % 3)
    report = evaluate(learners.NearestCentroid(), FewShot(index, ways=2, shots=1, queries=1), tasks=3)
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json").scores == report.scores
    _infinite(tmp_path / "report.json", "by_class", "classes", 0, "queries")
    with pytest.raises(ArtefactError, match="is not a report of quickstudy"):
        Report.load(tmp_path / "report.json")
