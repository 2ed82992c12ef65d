"""The options of the command line for a run's evaluation: how many tasks, of which sizes, by which metrics."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from quickstudy import metrics
from quickstudy.cli.console import progress
from quickstudy.errors import LearnerError, nearest
from quickstudy.learner import Learner
from quickstudy.metrics.measure import Measure
from quickstudy.reports.report import Report
from quickstudy.tasks.disjoint import DisjointClasses, DisjointRows
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.open_set import OpenSet
from quickstudy.tasks.source import TaskSource, generator_of

if TYPE_CHECKING:
    from quickstudy.runs.run import Run

__all__ = ["Call", "Disjoint", "changes", "measures", "named_apart"]

Disjoint = Literal["classes", "rows"]


@dataclass(frozen=True)
class Call:
    """How runs are evaluated, where it differs from their recipes; arguments as of ``quickstudy evaluate``."""

    tasks: int = 1000
    seed: int = 0
    ways: int | None = None
    shots: int | None = None
    queries: int | None = None
    of_learner: dict[str, Any] = field(default_factory=dict)
    of_recipe: dict[str, Any] = field(default_factory=dict)
    list_: Path | None = None
    metrics: tuple[Measure, ...] = ()
    unknown_classes: int = 0
    disjoint: Disjoint | None = None
    jobs: int | None = None
    opened: "dict[Path, Run]" = field(default_factory=dict, compare=False, repr=False)

    def learner(self, folder: Path) -> Learner[Any]:
        """A run's learner, as the call changes it."""
        return self._run(folder).learner(**self.of_learner)

    def source(self, folder: Path) -> TaskSource[Any]:
        """A run's meta-test tasks, as the call changes them."""
        return self.changed(self._run(folder).recipe(**self.of_recipe).test)

    def _run(self, folder: Path) -> "Run":
        """A run, opened once in a call: its data are read once."""
        from quickstudy.runs.run import Run

        if folder not in self.opened:
            self.opened[folder] = Run(folder)
        return self.opened[folder]

    def changed(self, source: TaskSource[Any]) -> TaskSource[Any]:
        """Tasks in other sizes, with unknown classes, or disjoint, if the call asks for it."""
        sizes = (self.ways, self.shots, self.queries)
        if not self.unknown_classes and self.disjoint is None and not any(size is not None for size in sizes):
            return source
        if not isinstance(source, FewShot):
            raise LearnerError(f"the tasks of {source.name} have no ways, shots and queries to change. Leave these flags out.")
        if self.unknown_classes and self.disjoint:
            raise LearnerError("--unknown-classes and --disjoint cannot be combined. Leave one out.")
        source = source.resized(ways=self.ways, shots=self.shots, queries=self.queries)
        if self.unknown_classes:
            return OpenSet(source.index, source.ways, source.shots, source.queries, unknown=self.unknown_classes)
        if self.disjoint is not None:
            return DisjointClasses(source) if self.disjoint == "classes" else DisjointRows(source)
        return source

    def check(self, folders: Sequence[Path]) -> None:
        """Refuses, before any work, a run, a change or a task list that cannot be had.

        Raises:
            UserError: what the first of them that is wrong says.
        """
        for folder in folders:
            self.learner(folder)
            source = self.source(folder)
            if self.list_ is not None:
                load_tasks(self.list_, source)

    def evaluate(self, folder: Path, source: TaskSource[Any] | None = None, *, known: Learner[Any] | None = None) -> Report:
        """The report on a run's learner, with a bar while it is made; also kept in the run's folder, with its figures.

        Args:
            folder: of the run.
            source: other tasks than the run's own.
            known: the run's learner, if it is loaded already.
        """
        from quickstudy.evaluation.evaluate import evaluate

        source = self.source(folder) if source is None else source
        learner = self.learner(folder) if known is None else known
        plan = None if self.list_ is None else load_tasks(self.list_, source)
        count = self.count(source) if plan is None else len(plan)
        given = self._metrics(learner)
        sight = _Sight("ece" in {metric.__name__ for metric in given})
        with progress() as bar:
            task = bar.add_task(f"meta-testing {folder}", total=count)
            report = evaluate(
                learner,
                source,
                tasks=count,
                plan=plan,
                seed=self.seed,
                metrics=given,
                watch=sight,
                progress=lambda done, _: bar.update(task, completed=done),
                jobs=self.jobs,
            )
        changed = "".join(f"-{name}={value}" for name, value in self.of_learner.items())
        report.save(folder / f"report-{report.digest}{changed}.json")
        sight.draw(folder / f"reliability-{report.digest}{changed}.png", report.model)
        return report

    def _metrics(self, learner: Learner[Any]) -> tuple[Measure, ...]:
        """Those that were asked for; of a learner with a temperature the calibration error too, with it and without."""
        if learner.calibration is None:
            return self.metrics
        more = (metrics.ece, metrics.untempered(metrics.ece))
        return (*self.metrics, *[each for each in more if each.__name__ not in {metric.__name__ for metric in self.metrics}])

    def count(self, source: TaskSource[Any]) -> int:
        """How many tasks: as many as asked for, of disjoint ones as many as there are."""
        return min(self.tasks, source.most) if isinstance(source, DisjointClasses | DisjointRows) else self.tasks

    def save_list(self, path: Path, source: TaskSource[Any]) -> None:
        """The tasks that were evaluated, as a file."""
        plan = source.plan(self.count(source), generator_of(self.seed)) if self.list_ is None else load_tasks(self.list_, source)
        save_tasks(path, source, plan)


class _Sight:
    """Keeps what was said of all queries, if its reliability is to be drawn."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.seen: list[tuple[Any, Any]] = []

    def __call__(self, predicted: Any, y: Any) -> None:
        if self.wanted:
            self.seen.append((predicted, y))

    def draw(self, path: Path, name: str) -> None:
        if self.seen:
            from quickstudy.plots.calibration import reliability_figure
            from quickstudy.plots.style import write_figure

            write_figure(reliability_figure(metrics.reliability(*metrics.pool(self.seen)), name), path)


def measures(names: Sequence[str] | None) -> tuple[Measure, ...]:
    """The metrics of these names.

    Raises:
        LearnerError: there is none of a name.
    """
    known = {name: found for name in metrics.__all__ if isinstance(found := getattr(metrics, name), Measure)}
    for name in names or ():
        if name not in known:
            raise LearnerError(f"there is no metric {name!r}.{nearest(name, known)} There are: {', '.join(known)}.")
    return tuple(known[name] for name in names or ())


def changes(flag: str, given: Sequence[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` pairs of a flag, values as JSON where they are."""
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise LearnerError(f"{flag} {text}: write it as NAME=VALUE, for example {flag} test_steps=10.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def named_apart(reports: list[Report], folders: list[Path]) -> list[Report]:
    """Reports whose models have names of their own: two of one class are told apart by their folders."""
    names = [report.model for report in reports]
    return [
        replace(report, model=f"{report.model} in {folder}") if names.count(report.model) > 1 else report
        for report, folder in zip(reports, folders, strict=True)
    ]
