"""New hospital: which patients are ill, from the first patients in a hospital that meta-training has not met."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.hospital_methods import HOSPITAL_METHODS, pooled_model
from quickstudy.apps.parts.linear_prior import linear_prior
from quickstudy.datasets.shipped import shipped
from quickstudy.datasets.stray_words import check_no_stray_words
from quickstudy.datasets.table import table
from quickstudy.datasets.table_file import read_table_file
from quickstudy.datasets.table_split import parts_of
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError, nearest
from quickstudy.inputs.column import is_missing
from quickstudy.inputs.columns import Columns
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.metrics.classes import auroc, log_loss
from quickstudy.nn.side_by_side import ColumnRange
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.mixture import Mixture

__all__ = ["new_hospital"]

_CLASSES = ("healthy", "ill")
_HOSPITALS = ("cleveland", "hungarian", "switzerland", "va")
"""Each is meta-tested by a training without it; the next one is for meta-validation."""

_CODES = ("cp", "restecg", "slope", "thal")
_SHOTS, _QUERIES, _TASKS = (1, 2, 5, 10), 20, 75
_C = 0.1


def _recipe(
    *,
    data: Any = "",
    fold: int = 0,
    steps: int = 60,
    batch: int = 8,
    lr: float = 2e-2,
    penalty: float = 30.0,
) -> Recipe:
    """A logistic regression of each hospital that starts at the one of all known hospitals, and shrinks to it.

    Args:
        data: a table with the columns hospital and outcome (healthy or ill), all others are measurements; hospitals are parted at
            random.
        fold: the hospital that is meta-tested, where ``data`` names none.
        steps: outer steps.
        batch: hospitals in an outer step.
        lr: step size of the outer loop, at its peak.
        penalty: how strongly a hospital is held at the start.
    """
    tables = data if isinstance(data, TableSplits) else _tables(str(data), fold)
    kind = tables.train.reads
    assert isinstance(kind, Columns)
    sizes = {part: _sizes(found) for part, found in zip(TableSplits._fields, tables, strict=True)}
    learner = LRD2(ColumnRange(0, kind.width), prior=linear_prior(pooled_model(tables.train, _C)), penalty=penalty, scale=1.0)
    assert learner.prior is not None and learner.log_scale is not None
    optimizer = Adam([learner.log_penalty, learner.log_scale], lr)
    learner.prior.requires_grad_(False)
    return Recipe(
        learner=learner,
        train=Mixture([_tasks(tables.train, shots) for shots in sizes["train"]]),
        val=Mixture([_tasks(tables.val, shots) for shots in sizes["val"]]),
        test=_tasks(tables.test, sizes["test"][0]),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 2),
        val_tasks=100,
        from_start=True,
        reads=kind,
        read=tables,
    )


def _tables(path: str, fold: int) -> TableSplits:
    """Hospitals in three parts; how measurements become numbers is learned from those of meta-training."""
    rows: Mapping[str, Any] = read_table_file(
        path or shipped("clinical/heart4.csv.gz"), as_written=("hospital", "outcome", *_CODES)
    )
    called = path or "heart"
    if not path:
        part = {_HOSPITALS[fold]: "test", _HOSPITALS[(fold + 1) % len(_HOSPITALS)]: "val"}
        outcome = [_CLASSES[float(found) > 0] for found in rows["target"]]
        rows = {name: values for name, values in rows.items() if name != "target"}
        rows = {**rows, "outcome": outcome, "split": [part.get(name, "train") for name in rows["hospital"]]}
    for column in ("hospital", "outcome"):
        if column not in rows:
            raise DataError(f'{called} has no column "{column}".{nearest(column, rows)} Its columns are {", ".join(rows)}.')
    wrong = next(((row, name) for row, name in enumerate(rows["outcome"]) if str(name).strip() not in _CLASSES), None)
    if wrong is not None:
        raise DataError(f'{called}: the outcome of row {wrong[0]} is {str(wrong[1])!r}. Write "healthy" or "ill".')
    split = "split" if "split" in rows else "hospital"
    trained = parts_of(rows, split, ("hospital",), (0.6, 0.2, 0.2), 0, called)["train"].tolist()
    measured = {name: values for name, values in rows.items() if name not in ("hospital", "outcome", "split")}
    codes = [name for name in _CODES if name in measured and not path]
    check_no_stray_words({name: values for name, values in measured.items() if name not in codes}, called)
    fitted = Columns.fitted({name: [values[row] for row in trained] for name, values in measured.items()}, categories=codes)
    lacking = {name for name, values in measured.items() if any(is_missing(value) for value in values)}
    reads = Columns(tuple(replace(column, missing=column.missing or column.name in lacking) for column in fitted.columns))
    return table(dict(rows), label="outcome", task="hospital", split=split, reads=reads, name=called)  # type: ignore[no-any-return]


def _tasks(known: Table, shots: int) -> ByTask:
    return ByTask(known, dict.fromkeys(_CLASSES, shots), dict.fromkeys(_CLASSES, _QUERIES), columns="fixed", too_small="skip")


def _sizes(known: Table) -> Sequence[int]:
    """Numbers of patients in each class of which some hospital has two more.

    Raises:
        DataError: there are none.
    """
    counts = torch.stack([_counts(known, label) for label in (0, 1)]).amin(0)
    found = [shots for shots in _SHOTS if bool((counts >= shots + 2).any())]
    if not found:
        raise DataError(f"{known.name}: no hospital has three patients in both classes, healthy and ill. Give more.")
    return found


def _counts(known: Table, label: int) -> Tensor:
    return torch.bincount(known.tasks[known.y == label], minlength=len(known.task_names))


def _settings(recipe: Recipe) -> dict[str, Setting]:
    tables: TableSplits = recipe.read
    return {
        f"{shots} of each": Setting(_tasks(tables.test, shots), _tasks(tables.val, shots), shots, tasks=_TASKS)
        for shots in _sizes(tables.test)
        if shots in _sizes(tables.val)
    }


new_hospital = Application(
    name="new-hospital",
    title="Which patients in a new hospital are ill, from the first few whose diagnosis is known",
    who="Clinics that take up a score made elsewhere, and know the outcomes of 2 to 20 patients there.",
    bring=(
        "A CSV file with the columns hospital, outcome (healthy or ill) and one for each measurement, the same everywhere; "
        "measurements may be missing: --data patients.csv. It needs four hospitals or more, two of which are for meta-training. "
        "For a new hospital, a CSV file with outcome and the measurements: quickstudy adapt RUN mine.csv --label outcome."
    ),
    limits=(
        "It moves a pooled score towards a hospital. It is no medical device and was not validated for care. With four hospitals "
        "nothing is decided: numbers are reported, and none is promised. Units must be those of meta-training."
    ),
    data=(
        "Heart disease in four hospitals (A. Janosi, W. Steinbrunn, M. Pfisterer, R. Detrano, 1988; UCI Machine Learning "
        "Repository, CC BY 4.0): 920 patients, 13 measurements, of which some hospitals did not take three."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "pooled logistic regression": Baseline(HOSPITAL_METHODS["pooled"], choices(C=(0.01, 0.1, 1.0)), control=True),
        "pooled random forest": Baseline(HOSPITAL_METHODS["pooled forest"], choices(leaf=(1, 3, 10)), control=True),
        "pooled logistic regression and target": Baseline(
            HOSPITAL_METHODS["pooled and target"], choices(weight=(1.0, 5.0, 25.0))
        ),
        "logistic regression": Baseline(HOSPITAL_METHODS["logistic regression"], choices(C=(0.01, 0.1, 1.0))),
        "random forest": Baseline(HOSPITAL_METHODS["random forest"], choices(leaf=(1, 2)), tasks=25, val_tasks=10),
    },
    unit="hospitals",
    metric=auroc,
    metrics=(log_loss,),
    empty_support=True,
    folds=len(_HOSPITALS),
    quick={"steps": 4},
)
