"""Intrusion and fraud: find more of a new attack or fraud pattern from its first 1 to 10 cases and 100 normal records."""

from collections.abc import Mapping
from typing import Any, Literal

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.few_cases import BASELINE_MAKERS, few_cases, settings_of_cases
from quickstudy.datasets.against_normal import CASE, NORMAL, parts_against_normal
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.task_table import TableSplits
from quickstudy.metrics.classes import auprc, auroc, recall_at_1_percent
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.transactions import transactions

__all__ = ["intrusion_detection"]

_OVER = ("logistic regression",)
_GAIN = {"intrusions/test": 0.01, "transactions/test": 0.0}
_QUERIES = {NORMAL: 300, CASE: 50}
_START: Mapping[str, Any] = {"intrusions": {}, "transactions": {"linear": 40.0, "known": False}}
"""Where the learner starts: frauds of another family have little in common with known ones, and a linear rule finds them."""

_DRAW = 1
"""Of the generated transactions."""

_VALIDATED = ("nmap", "pod", "warezclient")
_ABOUT = ("attack", "family", "split", "file", "num_outbound_cmds")


def _recipe(
    *,
    data: Any = "",
    problem: Literal["intrusions", "transactions"] = "intrusions",
    steps: int = 60,
    batch: int = 8,
    lr: float = 2e-2,
    normal: str = "normal",
) -> Recipe:
    """Ridge regression with a kernel, on fields of a record and on how much it resembles known attacks.

    Args:
        data: a table with the columns pattern and split (train, val, test), all others are fields of a record.
        problem: connections of a network, or card transactions, which are generated where data name none; the learner starts
            elsewhere on each.
        steps: outer steps.
        batch: tasks in an outer step.
        lr: step size of the outer loop, at its peak.
        normal: the pattern of normal records.
    """
    tables = data if isinstance(data, TableSplits) else _tables(str(data), problem, normal)
    return few_cases(tables, steps=steps, batch=batch, lr=lr, test_cases=1, **_START[problem])


def _tables(path: str, problem: str, normal: str) -> TableSplits:
    if path:
        rows = read_table_file(path, as_written=("pattern", "split"))
        return parts_against_normal(rows, "pattern", normal, "split", path)
    if problem == "transactions":
        return parts_against_normal(transactions(seed=_DRAW), "pattern", "normal", "split", "transactions")
    rows = dict(read_table_file(shipped("intrusions/nslkdd_subset.csv.gz"), as_written=_ABOUT[:4]))
    parts = _parted(rows)
    kept = [row for row, part in enumerate(parts) if part]
    fields = {name: [values[row] for row in kept] for name, values in rows.items() if name not in _ABOUT}
    told = {"pattern": [rows["attack"][row] for row in kept], "split": [parts[row] for row in kept]}
    return parts_against_normal(fields | told, "pattern", "normal", "split", "intrusions")


def _parted(rows: dict[str, Any]) -> list[str]:
    """The part of each record, empty for none: novel attacks are for meta-test; of normal ones of both captures half are."""
    turns, counts, found = ("train", "test", "train", "test", "train", "test", "val", "test"), {"train20": 0, "test": 0}, []
    for attack, split, file in zip(rows["attack"], rows["split"], rows["file"], strict=True):
        if attack != "normal":
            found.append("test" if split == "novel" else "val" if attack in _VALIDATED else "train")
            continue
        part = turns[counts[file] % len(turns)]
        counts[file] += 1
        found.append("" if part == "test" and file == "train20" else part)
    return found


def _settings(recipe: Recipe) -> dict[str, Setting]:
    tables: TableSplits = recipe.read
    gain = _GAIN.get(tables.test.name)
    promised = {} if gain is None else dict.fromkeys((1, 2), (Promise(gain, _OVER),))
    return settings_of_cases(tables, promised, queries=_QUERIES)


intrusion_detection = Application(
    name="intrusion-detection",
    title="Find more of a new attack or fraud pattern from its first 1, 2, 5 or 10 cases and 100 normal records",
    who="Security and fraud teams that have confirmed one or a few cases of something new, and must find the others today.",
    bring=(
        "Records in a CSV file with the columns pattern (one value for normal records: --recipe-arg normal=normal) and split "
        "(train, val, test; a pattern is in one of them, normal records in all), and the fields: --data records.csv. For a new "
        "pattern, a CSV file with the same fields and a column that says case or normal: quickstudy adapt RUN cases.csv --label "
        "label. --recipe-arg problem=transactions tries it on generated card transactions."
    ),
    limits=(
        "It ranks records by how much they resemble the confirmed cases more than normal records; how many are checked is "
        "your choice. It does not find a pattern of which there is no case. With one case it knows only that case: attacks of "
        "many forms are found in part. With few kinds of known attacks a nearest neighbour is as good. The connections were "
        "recorded in 1998; train on records of your own before you rely on it."
    ),
    data=(
        "NSL-KDD (Tavallaee, Bagheri, Lu & Ghorbani 2009, Canadian Institute for Cybersecurity), a selection of KDD Cup 1999 "
        "(UCI, CC BY 4.0): 10,842 connections, 27 attack types; 12 to meta-train on, 3 to validate, the 12 of the later capture "
        "to meta-test. Transactions are generated."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "random forest": Baseline(BASELINE_MAKERS["random forest"], choices(leaf=(1, 2, 4)), tasks=96, val_tasks=18),
        "logistic regression": Baseline(
            BASELINE_MAKERS["logistic regression"], choices(C=(0.01, 0.1, 1.0, 10.0), balanced=(True, False)), val_tasks=30
        ),
        "nearest neighbour": Baseline(BASELINE_MAKERS["nearest neighbour"]),
        "isolation forest": Baseline(BASELINE_MAKERS["isolation forest"], tasks=96),
        "one-class SVM": Baseline(BASELINE_MAKERS["one-class SVM"], choices(nu=(0.02, 0.05, 0.2)), tasks=96, val_tasks=18),
        "known kinds pooled": Baseline(BASELINE_MAKERS["known kinds pooled"], control=True),
    },
    unit="patterns",
    metric=auprc,
    metrics=(auroc, recall_at_1_percent),
    quick={"steps": 10},
)
