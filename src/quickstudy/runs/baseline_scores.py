"""Scores of baselines, which are kept: the same baseline on the same tasks is evaluated once."""

import contextlib
import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from torch import Tensor

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.datasets.fetch import cache_folder
from quickstudy.errors import ArtefactError, LearnerError, UserError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.metrics.measure import Measure
from quickstudy.metrics.predicted import Predicted
from quickstudy.recipes.parts.recipe import VAL_SEED, Recipe
from quickstudy.reports.report import Report
from quickstudy.storage.files import read_json, write_whole
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["baseline_scores", "in_metric"]

_LIBRARIES = ("scikit-learn", "torch", "numpy")


def baseline_scores(
    application: Application,
    name: str,
    recipe: Recipe,
    setting: Setting,
    plan: Plan,
    *,
    arguments: Mapping[str, Any],
    seed: int,
    val_tasks: int | None = None,
    jobs: int | None = None,
) -> tuple[Report, str]:
    """The report of a baseline with the best of its choices, and that choice in words.

    It is kept in the cache by task lists, meta-training data, the arguments of the recipe, the baseline's code and version, and
    the versions of the libraries behind it.

    Args:
        application: that it belongs to.
        name: of the baseline.
        recipe: of the application.
        setting: of the tasks.
        plan: the list of meta-test tasks.
        arguments: of the recipe.
        seed: of the list.
        val_tasks: other than the baseline's number of meta-validation tasks of a choice.
        jobs: processes that share the tasks, see `evaluate`.
    """
    baseline = application.baselines[name]
    tuned = baseline.val_tasks if val_tasks is None else val_tasks
    key = _key(application, name, recipe, setting, plan, [arguments, tuned, seed])
    path = cache_folder() / "baselines" / application.name / f"{key}.json"
    with contextlib.suppress(OSError, ArtefactError, ArithmeticError, ValueError, KeyError, TypeError):  # damaged: made again
        found = read_json(path)
        return Report.from_json(found["report"]), str(found["choice"])
    others = [_WhereKnown(metric) for metric in application.metrics]
    metrics = [*([application.metric] if application.metric else []), *others]
    choice = _best(application, baseline, recipe, setting, tuned, jobs)
    source = setting.test if baseline.inputs is None else baseline.inputs(setting.test)
    model = baseline.make(recipe, **choice)
    report = evaluate(model, source, plan=plan, limit=baseline.tasks, seed=seed, metrics=metrics, jobs=jobs)
    report = replace(in_metric(report, application.metric), model=name, digest=setting.test.digest(plan), by_class=None)
    unknown = {metric.__name__ for metric in others if metric.unknown}
    report = replace(report, others=tuple(score for score in report.others if score.metric not in unknown))
    words = ", ".join(f"{key} = {value}" for key, value in choice.items())
    with contextlib.suppress(UserError):  # a cache that cannot be written costs time alone
        write_whole(path, json.dumps({"report": report.to_json(), "choice": words}).encode())
    return report, words


class _WhereKnown(Measure):
    """A metric that is left out where a baseline does not give what it needs (probabilities), or where it is infinite.

    Args:
        metric: of the application, beside its main one.
    """

    def __init__(self, metric: Measure) -> None:
        super().__init__(metric.metric, higher_is_better=metric.higher_is_better, pooled=metric.pooled, bounds=metric.bounds)
        self.unknown = False

    def __call__(self, predicted: Predicted, y: Tensor) -> float:
        try:
            found = super().__call__(predicted, y)
        except LearnerError:
            found = math.inf
        self.unknown |= math.isinf(found)
        return math.nan if math.isinf(found) else found


def in_metric(report: Report, metric: Measure | None) -> Report:
    """The report with a metric of its own for its main one; the others stay."""
    if metric is None or metric.__name__ == report.metric:
        return report
    others = tuple(score for score in report.others if score.metric != metric.__name__)
    return replace(report.by(metric.__name__), others=others)


def _best(
    application: Application, baseline: Baseline, recipe: Recipe, setting: Setting, tasks: int, jobs: int | None
) -> Mapping[str, Any]:
    """The choice of the best mean on meta-validation tasks; the first, where there are none."""
    if len(baseline.choices) == 1 or setting.val is None:
        return baseline.choices[0]
    source = setting.val if baseline.inputs is None else baseline.inputs(setting.val)
    metrics = [application.metric] if application.metric else []
    found: list[float] = []
    for choice in baseline.choices:
        model = baseline.make(recipe, **choice)
        report = evaluate(model, source, tasks=tasks, seed=VAL_SEED, metrics=metrics, jobs=jobs)
        report = in_metric(report, application.metric)
        found.append(report.mean if report.higher_is_better else -report.mean)
    return baseline.choices[found.index(max(found))]


def _key(application: Application, name: str, recipe: Recipe, setting: Setting, plan: Plan, given: Sequence[Any]) -> str:
    baseline = application.baselines[name]
    metrics = [metric.__name__ for metric in (application.metric, *application.metrics) if metric is not None]
    libraries = [f"{library} {version(library)}" for library in _LIBRARIES]
    parts = [
        *[application.name, name, str(baseline.version), str(baseline.choices), str(baseline.tasks), _code(baseline)],
        *[setting.test.digest(plan), _fingerprint(setting.val), _fingerprint(recipe.raw or recipe.train), recipe.digest],
        *[json.dumps(given, sort_keys=True, default=str), *metrics, *libraries],
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _fingerprint(source: TaskSource[Any] | None) -> str:
    """Of a source's first tasks."""
    return "" if source is None else source.digest(source.plan(8, generator_of(0)))


def _code(baseline: Baseline) -> str:
    """The text of the function that makes the baseline, so that one that changes is not taken for what it was."""
    make: Any = baseline.make
    while isinstance(make, partial):
        make = make.func
    try:
        return inspect.getsource(make)
    except (OSError, TypeError):
        return repr(make)
