"""Personalised medicine: how a patient's score goes on, from the first few visits."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.borders.arguments import whole
from quickstudy.datasets.task_table import TableSplits
from quickstudy.datasets.visits import PATIENT_FOLDS, patient_visits
from quickstudy.errors import DataError
from quickstudy.evaluation.mixed_effects import MixedEffects
from quickstudy.evaluation.over_time import Time, last_value, pooled_ridge, process_of_time, shrunken_line, support_mean
from quickstudy.inputs.columns import Columns
from quickstudy.learners.bayesian.alpaca import ALPaCA
from quickstudy.learners.wrappers.scaled_targets import ScaledTargets
from quickstudy.metrics.values import coverage_95, gaussian_nll, mean_absolute_error
from quickstudy.nn.mlp import MLP
from quickstudy.nn.with_inputs import WithInputs
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.forecasts import Forecasts
from quickstudy.tasks.meta_aug import MetaAug, Shifted

__all__ = ["personalised_medicine"]

_VISITS = (1, 2, 3, 5, 8)
_GIVEN = "mixed effects, day 90 given"
"""The baseline that is given the day at which the courses change."""
_NOT_GIVEN = ("last value", "mean of the visits", "ridge of the patient", "pooled ridge", "mixed effects", "Gaussian process")
_QUARTER = 90.0
"""Days; also the day of the second assessment in the parkinsons data, between which scores were interpolated."""


def _recipe(
    *,
    data: str = "",
    fold: int = 0,
    steps: int = 1400,
    batch: int = 16,
    lr: float = 1e-2,
    noise: float = 0.01,
    prior: float = 1.0,
    shift: float = 3.0,
) -> Recipe:
    """ALPaCA on the day of a visit: what curves of patients have in common, and how much they differ, is meta-trained.

    Args:
        data: "" for the parkinsons data, "pharmacokinetics" for concentrations of a drug, else a table of your own.
        fold: by patient; 0 is the split of the data.
        steps, batch, lr: of Adam.
        noise, prior: of ALPaCA at the start, in deviations of all values.
        shift: each meta-training task is moved up or down by at most so many deviations.
    """
    whole(DataError, least=0, most=PATIENT_FOLDS - 1, fold=fold)
    parts = patient_visits(data, fold)
    visits = [k for k in _VISITS if all(bool((part.counts > k).any()) for part in parts)]
    if not visits:
        raise DataError(f"{data}: in one of the parts, everyone has one visit alone. Give more visits.")
    assert isinstance(parts.train.reads, Columns)
    width, scale = parts.train.reads.width, float(parts.train.y.std().clamp(min=1e-9))
    encoder = WithInputs(MLP(width, (32, 32), outputs=10), width + 10)
    learner = ALPaCA(encoder, encoder.features, noise=noise, prior=prior)
    scaled = ScaledTargets(learner, mean=float(parts.train.y.mean()), deviation=scale)
    optimizer = torch.optim.Adam(scaled.parameters(), lr)
    middle = visits[len(visits) // 2]
    train = Forecasts(parts.train, visits, starts=4)
    return Recipe(
        learner=scaled,
        train=MetaAug(train, Shifted(shift * scale)) if shift else train,
        val=Forecasts(parts.val, middle, starts=1),
        test=Forecasts(parts.test, middle, starts=1),
        optimizer=optimizer,
        steps=steps,
        batch=batch,
        schedule=one_cycle(optimizer, steps),
        clip=1.0,
        validate_every=steps,
        val_tasks=50,
        reads=parts.train.reads,
    )


def _tables(recipe: Recipe) -> TableSplits:
    """The visits behind a recipe's tasks."""
    train = recipe.train.source if isinstance(recipe.train, MetaAug) else recipe.train
    return TableSplits(*[source.table for source in (train, recipe.val, recipe.test)])  # type: ignore[union-attr]


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """The first visits of each patient and score; all later ones are to be predicted. Intervals are by patient."""
    parts = _tables(recipe)
    patients = sorted({_patient(name) for part in parts for name in part.task_names})
    found = {}
    for visits in _VISITS:
        if all(bool((part.counts > visits).any()) for part in parts):
            test, val = (Forecasts(part, visits, starts=1) for part in (parts.test, parts.val))
            plan = test.each()
            units = torch.tensor([patients.index(_patient(parts.test.task_names[task])) for task in plan.tasks.tolist()])
            promises = [Promise(over=_NOT_GIVEN)] * (visits > 1) + [Promise(over=(_GIVEN,))] * (visits == 2)
            name = f"first {visits} visit{'s' if visits > 1 else ''}"
            found[name] = Setting(test, val, visits, plan=plan, units=units, promises=tuple(promises))
    return found


def _patient(task: str) -> str:
    return task.rpartition(", ")[0]


def _quarters(recipe: Recipe) -> Time:
    """The day of each row, in quarters of a year."""
    assert isinstance(recipe.reads, Columns)
    column = recipe.reads.columns[0]
    return lambda x: (x[:, 0].double().numpy() * column.deviation + column.mean) / _QUARTER


def _ridge(recipe: Recipe, penalty: float, *, shifted: bool = True) -> Any:
    table = _tables(recipe).train
    x = table.gather(torch.arange(len(table)))

    def design(x: Any) -> NDArray[np.float64]:
        bends = np.maximum(_quarters(recipe)(x)[:, None] - np.arange(3) / 2, 0)
        return np.concatenate([bends, x[:, 1:].double().numpy()], 1)

    return pooled_ridge(design, x, table.y, penalty, shifted=shifted)


def _mixed(recipe: Recipe, *, kink: bool = False) -> Any:
    """Each score has a model of its own; ``kink``: another slope after day 90."""
    table = _tables(recipe).train
    x = table.gather(torch.arange(len(table)))
    quarters = _quarters(recipe)
    kink = kink and bool((quarters(x) > 1).any())

    def design(x: Any) -> NDArray[np.float64]:
        time = quarters(x)
        return np.stack([np.ones_like(time), time, *([np.maximum(time - 1, 0)] if kink else [])], 1)

    scores = x[:, 1:].argmax(1)
    models = {
        score: MixedEffects.fitted(design, x[scores == score], table.y[scores == score, 0], table.tasks[scores == score])
        for score in scores.unique().tolist()
    }
    return lambda support: models.get(int(support.x[0, 1:].argmax()), next(iter(models.values())))(support)


def _process(recipe: Recipe) -> Any:
    y = _tables(recipe).train.y
    return process_of_time(_quarters(recipe), float(y.mean()), float(y.std()))


_PENALTIES = tuple({"penalty": penalty} for penalty in (1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 3.0, 100.0))
_POOLED = tuple({"penalty": penalty} for penalty in (0.1, 1.0, 10.0, 100.0, 1000.0))

personalised_medicine = Application(
    name="personalised-medicine",
    title="The course of a new patient's score from the first few visits, with bands",
    who="For clinics and studies that measure the same score of many patients again and again: a disease score, a blood level.",
    bring="A table (CSV, TSV, JSON lines, Parquet), a row a visit: patient, day (since the patient's first visit), value. Also "
    "score (what was measured, if several things were), unit, and split (train, val, test). Ten patients with six visits are "
    "few; thirty are better.",
    limits="It predicts the mean course and a 95 % band for patients like those of meta-training. It gives no treatment advice, "
    "and the effect of a changed treatment is not in it. Scores of the parkinsons data were interpolated between three "
    "assessments (days 0, 90, 180), so part of what is learned here is that rule.",
    data="Parkinsons Telemonitoring (Tsanas, Little, McSharry & Ramig, 2009), UCI, CC BY 4.0: 42 patients, motor and total "
    "UPDRS. Theophylline and indomethacin concentrations from the R package medicaldata, MIT.",
    recipe=_recipe,
    settings=_settings,
    baselines={
        "last value": Baseline(lambda recipe: last_value(_quarters(recipe))),
        "mean of the visits": Baseline(lambda recipe: support_mean(_quarters(recipe))),
        "ridge of the patient": Baseline(lambda recipe, penalty: shrunken_line(_quarters(recipe), penalty), _PENALTIES),
        "pooled ridge": Baseline(_ridge, _POOLED),
        "mixed effects": Baseline(_mixed),
        _GIVEN: Baseline(partial(_mixed, kink=True)),
        "Gaussian process": Baseline(_process),
        "pooled ridge, no visits": Baseline(partial(_ridge, shifted=False), _POOLED, control=True),
    },
    unit="patients",
    metric=mean_absolute_error,
    metrics=(coverage_95, gaussian_nll),
    empty_support=True,
    folds=PATIENT_FOLDS,
    quick={"steps": 60},
)
"""Personalised medicine, see docs/applications/personalised-medicine.md."""
