"""An application, done: its learner meta-trained, and evaluated beside its controls and baselines on the same unseen tasks."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from quickstudy.apps.application import Application, Setting
from quickstudy.evaluation.controls import NoSupport, ShuffledSupport
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learner import Learner
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.appraisal import Appraisal, Entry, Role, Row
from quickstudy.reports.report import Report
from quickstudy.reports.several import averaged, joined
from quickstudy.runs.baseline_scores import baseline_scores, in_metric
from quickstudy.runs.known import APPLICATION
from quickstudy.runs.looking import Validation
from quickstudy.runs.run import Run
from quickstudy.storage.artefact import versions
from quickstudy.tasks.source import Plan, generator_of
from quickstudy.train import prepare

__all__ = ["TASK_SEED", "Told", "appraise", "run_of"]

TASK_SEED = 1_000
"""Of the lists of meta-test tasks."""

_QUICK_TASKS, _QUICK_VAL_TASKS = 10, 3

Told = Callable[[str, int, int], None]
"""Receives what is being done, how much of it is done, and how much there is."""


def run_of(application: Application, folder: Path, arguments: Mapping[str, Any], seed: int, fold: int = 0) -> Run:
    """The run of one training: the first in the folder itself, others below it.

    Args:
        application: whose recipe is trained.
        folder: of the application's results.
        arguments: of the recipe.
        seed: of the training.
        fold: the part of the data that is left out.
    """
    given = dict(arguments) | ({"fold": fold} if application.folds > 1 else {})
    place = folder if not seed and not fold else folder / f"seed-{seed}" / (f"fold-{fold}" if application.folds > 1 else "")
    return Run(place, APPLICATION + application.name, given, seed)


def appraise(
    application: Application,
    folder: Path,
    arguments: Mapping[str, Any] | None = None,
    *,
    seeds: Sequence[int] = (0,),
    tasks: int | None = None,
    task_seed: int = TASK_SEED,
    quick: bool = False,
    told: Told = lambda what, done, total: None,
    jobs: int | None = None,
) -> Appraisal:
    """Meta-trains, and evaluates beside controls and baselines; what a folder holds already is not trained again.

    Controls: the learner before meta-training, with the targets of each support set shuffled, before adaptation where it answers
    without examples, and models that never see a support set. The learner's score in a task is the mean over its trainings.

    Args:
        application: which.
        folder: of runs and results.
        arguments: of the recipe, where they are not its defaults.
        seeds: of trainings.
        tasks: other than the application's number of tasks.
        task_seed: of the task lists.
        quick: with tiny settings, to see that everything runs.
        told: is called with the progress.
        jobs: processes that share the tasks of an evaluation, see `evaluate`.

    Raises:
        UserError: what is wrong with data or arguments.
    """
    began = time.perf_counter()
    given = (dict(application.quick) if quick else {}) | dict(arguments or {})
    seeds = seeds[:1] if quick else seeds
    found: dict[str, dict[str, list[tuple[Report, Role, str]]]] = {}
    settings: dict[str, Setting] = {}
    for fold in range(1 if quick else application.folds):
        trained = [(run := run_of(application, folder, given, seed, fold), _trained(run, told)) for seed in seeds]
        first = trained[0][0]
        recipe = first.recipe()
        learners = [learner for _, learner in trained]
        before = first.recipe().learner
        prepare(before, recipe.train, first.config["seed"])
        measured = application.measured(recipe)
        here = dict(application.settings(recipe))
        settings |= here
        for name, setting in here.items():
            count = _QUICK_TASKS if quick else tasks or setting.tasks
            plan = setting.plan if setting.plan is not None else setting.test.plan(count, generator_of(task_seed))
            plan = plan[:count] if quick or tasks else plan
            scene = _Scene(measured, before, recipe, setting, plan, task_seed, given, quick, jobs)
            for label, report, role, choice in scene.reports(learners, partial(_telling, told, name)):
                found.setdefault(name, {}).setdefault(label, []).append((report, role, choice))
    rows = tuple(
        Row(name, settings[name].size, settings[name].promises, tuple(_entry(each) for each in entries.values()), quick)
        for name, entries in found.items()
    )
    facts = {"arguments": ", ".join(f"{key} = {value}" for key, value in given.items()) or "those of the recipe"}
    facts |= {"seeds of training": ", ".join(map(str, seeds)), "seed of the task lists": str(task_seed)}
    facts |= {"seconds in all": f"{time.perf_counter() - began:.0f}"}
    facts |= {"versions": ", ".join(f"{name} {number}" for name, number in versions().items())}
    return Appraisal(application.name, application.title, application.unit, rows, tuple(seeds), facts, quick)


def _entry(parts: Sequence[tuple[Report, Role, str]]) -> Entry:
    """One model over all folds."""
    _, role, _ = parts[0]
    choices = list(dict.fromkeys(choice for _, _, choice in parts if choice))
    return Entry(joined([report for report, _, _ in parts]), role, "; ".join(choices))


def _trained(run: Run, told: Told) -> Learner[Any]:
    """The learner of a run, which is trained to its end first."""
    steps = run.recipe().steps
    for record in run.train():
        if not isinstance(record, Validation):
            told(f"meta-training in {run.folder}", record.step, steps)
    return run.learner()


def _telling(told: Told, setting: str, what: str) -> None:
    told(f"{setting}: {what}", 0, 1)


@dataclass(frozen=True)
class _Scene:
    """The tasks of one setting, on which all models are evaluated."""

    application: Application
    before: Learner[Any]
    recipe: Recipe
    setting: Setting
    plan: Plan
    seed: int
    arguments: Mapping[str, Any]
    quick: bool
    jobs: int | None

    def reports(self, learners: Sequence[Learner[Any]], told: Callable[[str], None]) -> Iterator[tuple[str, Report, Role, str]]:
        """Of the learner, its controls, and the baselines."""
        name = learners[0].title
        told(name)
        yield name, self._mean(name, learners), "learner", ""
        told("controls")
        yield "before meta-training", self._mean("before meta-training", [self.before]), "control", ""
        shuffled = [ShuffledSupport(learner) for learner in learners]
        yield "labels shuffled", self._mean("labels shuffled", shuffled, loop=True), "control", ""
        if self.application.empty_support:
            blank = [NoSupport(learner) for learner in learners]
            yield "before adaptation", self._mean("before adaptation", blank, loop=True), "control", ""
        for label, baseline in self.application.baselines.items():
            told(label)
            report, choice = baseline_scores(
                self.application,
                label,
                self.recipe,
                self.setting,
                self.plan,
                arguments=self.arguments,
                seed=self.seed,
                val_tasks=_QUICK_VAL_TASKS if self.quick else None,
                jobs=self.jobs,
            )
            yield label, self._in_units(report), "control" if baseline.control else "baseline", choice

    def _mean(self, name: str, learners: Sequence[Learner[Any]], *, loop: bool = False) -> Report:
        """The mean over trainings."""
        metrics = [*([self.application.metric] if self.application.metric else []), *self.application.metrics]
        found = [
            evaluate(
                learner,
                self.setting.test,
                plan=self.plan,
                seed=self.seed,
                metrics=metrics,
                strategy="loop" if loop else "auto",
                jobs=self.jobs,
            )
            for learner in learners
        ]
        reports = [in_metric(report, self.application.metric) for report in found]
        return self._in_units(replace(averaged(reports), model=name, by_class=None))

    def _in_units(self, report: Report) -> Report:
        """The report with the honest units of its tasks."""
        units, named = self.setting.units, "" if self.application.unit == "classes" else self.application.unit
        if units is None:
            return replace(report, units=named)
        rows = units if units.ndim == 2 else units[:, None]
        return replace(report, units=named, classes=tuple(map(tuple, rows.tolist())))
