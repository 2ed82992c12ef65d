"""One run on many sources: by shots, by ways, or on other data; one table, one figure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from quickstudy.cli.call import Call
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, say
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.errors import LearnerError, RunError
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner
from quickstudy.reports.report import Report
from quickstudy.reports.words import amount, between
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.open_data import open_unparted

__all__ = ["across", "by_size", "numbers"]


def numbers(report: Report) -> dict[str, Any]:
    """A report as JSON, the worst decile of its tasks included."""
    return report.to_json() | {"worst_decile": asdict(report.worst_decile)}


def by_size(runs: Sequence[Path], call: Call, ways: Sequence[int], shots: Sequence[int], *, as_json: bool) -> None:
    """Runs evaluated for each number of shots, or of ways, each with a task list of its own."""
    if len(ways) > 1 and len(shots) > 1:
        raise RunError("both --ways and --shots are given several times. Give several of one, and one of the other.")
    name, sizes = ("ways", sorted(set(ways))) if len(ways) > 1 else ("shots", sorted(set(shots)))
    call = replace(call, ways=ways[0] if len(ways) == 1 else None, shots=shots[0] if len(shots) == 1 else None)
    curves: dict[str, dict[int, Report]] = {}
    for run in runs:
        learner, source = call.learner(run), replace(call, unknown_classes=0, disjoint=None).source(run)
        if not isinstance(source, FewShot):
            raise LearnerError(f"the tasks of {source.name} have no {name} to change. Leave --{name} out.")
        calls = {size: replace(call, ways=size) if name == "ways" else replace(call, shots=size) for size in sizes}
        curves[_label(learner, run, runs)] = {
            size: one.evaluate(run, one.changed(source), known=learner) for size, one in calls.items()
        }
    if as_json:
        print_json({label: {size: numbers(report) for size, report in curve.items()} for label, curve in curves.items()})
        return
    console.print(_table(name, {(label, str(size)): r for label, curve in curves.items() for size, r in curve.items()}))
    from quickstudy.plots.results import accuracy_against_shots, accuracy_against_ways
    from quickstudy.plots.style import write_figure

    draw = accuracy_against_ways if name == "ways" else accuracy_against_shots
    path = runs[0] / f"by-{name}.png"
    write_figure(draw(curves), path)
    say(f"Each number of {name} has its own list of {call.tasks:,} tasks, the same for all runs. The figure: {path}")


def across(runs: Sequence[Path], call: Call, data: Sequence[str], *, as_json: bool) -> None:
    """Runs evaluated on their own meta-test tasks and on other data, if they read images in the same way."""
    reports: dict[tuple[str, str], Report] = {}
    ready: list[tuple[Path, Learner[Any], FewShot, list[FewShot]]] = []
    for run in runs:  # all that could be wrong, before the first is evaluated
        learner, home = call.learner(run), replace(call, unknown_classes=0, disjoint=None).source(run)
        if not isinstance(home, FewShot) or not isinstance(learner.reads, Images):
            raise LearnerError(f"{run} was not trained on images, so there are no other images to evaluate it on.")
        indices = [_all_new(name, learner.reads) for name in data]
        ready.append((run, learner, home, [FewShot(index, home.ways, home.shots, home.queries) for index in indices]))
        for source in (home, *ready[-1][3]):
            call.changed(source)
    for run, learner, home, others in ready:
        label = _label(learner, run, runs)
        reports[label, f"{home.index.name} (home)"] = call.evaluate(run, call.changed(home), known=learner)
        for away in others:
            reports[label, away.index.name] = call.evaluate(run, call.changed(away), known=learner)
    if as_json:
        print_json([numbers(report) | {"run": label, "data": name} for (label, name), report in reports.items()])
        return
    console.print(_table("data", reports))
    say("Home: the data set that a run was meta-trained on (other classes of it). All other data is new to the run.")


def _all_new(data: str, reads: Images) -> ClassIndex:
    """The meta-test classes of data in three parts, otherwise all: none of them is known to a run on other data."""
    found = open_unparted(data, reads=reads, trust=True)
    content = found.content.test if isinstance(found.content, Splits) else found.content
    if not isinstance(content, ClassIndex):
        raise LearnerError(f"{data} holds no classes of images. Give glyphs, omniglot, or a folder or a ZIP of class folders.")
    return content


def _label(learner: Learner[Any], run: Path, runs: Sequence[Path]) -> str:
    """A name for each run: where two folders have one name, their paths distinguish them."""
    name = learner.title
    alone = [other.name for other in runs].count(run.name) == 1
    return name if len(runs) == 1 else f"{name} in {run.name if alone else run}"


def _table(key: str, reports: Mapping[tuple[str, str], Report]) -> Table:
    """A row for each report, further metrics as columns."""
    first = next(iter(reports.values()))
    found = Table("run", key, first.metric, "for new classes", "worst decile", "tasks", *[s.metric for s in first.others])
    for (label, name), report in reports.items():
        kinds = report.intervals
        opened = kinds.get("classes", kinds.get("disjoint tasks"))
        others = [f"{s.value:.4f}" for s in report.others]
        row, worst = report.row(), amount(report.worst_decile.value, report.metric)
        cells = (row[report.metric], between(opened, report.metric) if opened else "not known", worst, row["tasks"])
        found.add_row(label, name, *cells, *others)
    return found
