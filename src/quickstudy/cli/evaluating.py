"""``quickstudy evaluate``: runs evaluated on meta-test tasks."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quickstudy.cli.call import Call, Disjoint, changes, measures, named_apart
from quickstudy.cli.command import command, may_run_code
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, progress, say, table
from quickstudy.cli.sweeping import across, by_size, numbers
from quickstudy.errors import Argument, ArgumentError
from quickstudy.evaluation.stream import StreamReport
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.reports.intervals import interval_over_runs
from quickstudy.reports.report import Report
from quickstudy.reports.words import amount, between
from quickstudy.reports.worlds import clipped
from quickstudy.storage.outputs import TASK_LIST, check_output

__all__ = ["evaluate"]

_Several = Parameter(consume_multiple=True, negative=())


@command
@may_run_code
def evaluate(
    runs: list[Path],
    /,
    *,
    tasks: int | None = None,
    seed: Annotated[int | None, AtLeast(0)] = None,
    ways: Annotated[list[int] | None, _Several] = None,
    shots: Annotated[list[int] | None, _Several] = None,
    queries: int | None = None,
    metrics: Annotated[list[str] | None, _Several] = None,
    data: Annotated[list[str] | None, _Several] = None,
    unknown_classes: int = 0,
    disjoint: Disjoint | None = None,
    with_: Annotated[list[str] | None, Parameter(name="--learner-arg", negative=())] = None,
    on: Annotated[list[str] | None, Parameter(name="--data-arg", negative=())] = None,
    stream: Annotated[bool, Parameter(negative=())] = False,
    list_: Annotated[Path | None, Parameter(name="--list")] = None,
    save_list: Path | None = None,
    jobs: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    force: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Evaluate runs on meta-test tasks; each report is also saved as JSON in its run folder, with a page and its figures.

    Runs of one recipe that differ in nothing but their seed are also summed up: the mean over training runs.

    Args:
        runs: folders of runs.
        tasks: how many tasks; 1,000 by default.
        seed: of the task list; 0 by default.
        ways: classes in a task, if other than the recipe's; several (2 5 10) give a table and a figure.
        shots: support examples of each class, if other than the recipe's; several (1 5 10) give a table and a figure.
        queries: query examples of each class, if other than the recipe's.
        metrics: more numbers: log_loss, ece (with a figure), macro_f1, auroc … of the names in quickstudy.metrics.
        data: evaluate on other images as well: glyphs, omniglot, a folder of class folders, a ZIP file of them.
        unknown_classes: number of classes that only queries have, without support examples; see the metric abstention_auroc.
        disjoint: tasks that share no classes, or no rows; as many as possible, up to --tasks.
        with_: another argument for the learner, for example test_steps=10; may be repeated.
        on: another argument of the recipe for its meta-test tasks, for example length=40; may be repeated.
        stream: evaluate example by example, predict then learn: accuracy by presentation (for memories).
        list_: evaluate on the tasks of this file instead of drawing tasks.
        save_list: write the tasks to this file, so that others can evaluate on them.
        jobs: processes that share the tasks, -1 for all cores; the scores are those of one.
        json_: print JSON instead of a table.
        force: overwrite any existing file, but never a file of a run.
    """
    if save_list is not None:
        check_output(save_list, TASK_LIST, argument="save_list", force=force)
    if list_ is not None:
        _refuse("the tasks are those of the list", {"tasks": tasks, "seed": seed})
    call = Call(
        tasks=1000 if tasks is None else tasks,
        seed=seed or 0,
        queries=queries,
        of_learner=changes("--learner-arg", with_),
        of_recipe=changes("--data-arg", on),
        list_=list_,
        metrics=measures(metrics),
        unknown_classes=unknown_classes,
        disjoint=disjoint,
        jobs=jobs,
    )
    lists = {"list": list_, "save_list": save_list}
    if stream:
        unused = {"metrics": metrics, "disjoint": disjoint, "unknown_classes": unknown_classes or None, "jobs": jobs, **lists}
        _refuse("a stream is evaluated by its accuracy, on tasks that are drawn", unused)
    if len(ways or ()) > 1 or len(shots or ()) > 1:
        _refuse("several sizes have a task list each", {**lists, "data": data, "stream": stream or None})
        call.check(runs)
        by_size(runs, call, ways or [], shots or [], as_json=json_)
        return
    call = replace(call, ways=ways[0] if ways else None, shots=shots[0] if shots else None)
    if data:
        _refuse("several data sets have a task list each", {**lists, "stream": stream or None})
        call.check(runs)
        across(runs, call, data, as_json=json_)
        return
    call.check(runs)
    if stream:
        _streams([_evaluate_stream(run, call) for run in runs], runs, json_)
        return
    reports = named_apart([call.evaluate(run) for run in runs], runs)
    if save_list is not None:
        call.save_list(save_list, call.source(runs[0]))
    if json_:
        print_json([numbers(report) for report in reports])
        return
    _print(reports, runs)
    _write_pages(reports, runs)
    if save_list is not None:
        file = shlex.quote(str(save_list))
        say(f"The task list {reports[0].digest} is in {save_list}: quickstudy evaluate RUN --list {file}")


def _refuse(why: str, given: Mapping[str, object]) -> None:
    """Refuses flags that would have no effect."""
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(f"{why}. Leave ", Argument(name), " out.")


def _print(reports: list[Report], runs: list[Path]) -> None:
    console.print(table(reports))
    for report, run in zip(reports, runs, strict=True):
        say(str(report))
        if report.by_class is not None:
            say(str(report.by_class))
        if report.others:
            from rich.table import Table

            rows = [score.row() for score in (report.worst_decile, *report.others)]
            found = Table(*rows[0], title=f"{report.model} in {run}", title_justify="left")
            for row in rows:
                found.add_row(*row.values())
            console.print(found)
        if any(score.metric == "ece" for score in report.others):
            say(f"calibration: {run}/reliability-{report.digest}….png")
    if len(reports) > 1 and _differ_in_seed_alone(runs):
        metric, over = reports[0].metric, clipped(interval_over_runs([report.mean for report in reports]), reports[0].bounds)
        mean = sum(report.mean for report in reports) / len(reports)
        say(
            f"Over {len(reports)} training runs: {metric} {amount(mean, metric)} (95 % t-interval for another training, on these "
            f"tasks: {between(over, metric)})."
        )


def _write_pages(reports: list[Report], folders: list[Path]) -> None:
    """Each run's page: what was evaluated now, and how its meta-training went."""
    from quickstudy.plots.run_page import run_page
    from quickstudy.runs.run import Run

    for report, folder in zip(reports, folders, strict=True):
        page = folder / "report.html"
        run_page(Run(folder), [report]).write(page)
        say(f"page:    {page}")


def _differ_in_seed_alone(folders: list[Path]) -> bool:
    from quickstudy.runs.run import Run

    configs = [Run(folder).config for folder in folders]
    calls = {json.dumps([config["recipe"], config["arguments"]], sort_keys=True) for config in configs}
    return len(calls) == 1 and len({config["seed"] for config in configs}) == len(configs)


def _evaluate_stream(folder: Path, call: Call) -> StreamReport:
    from quickstudy.evaluation.stream import evaluate_stream

    learner, source = call.learner(folder), call.source(folder)
    with progress() as bar:
        task = bar.add_task(f"meta-testing {folder}", total=call.tasks)
        found = evaluate_stream(
            learner, source, tasks=call.tasks, seed=call.seed, progress=lambda done, _: bar.update(task, completed=done)
        )
    found.save(folder / f"stream-{found.digest}.json")
    return found


def _streams(reports: list[StreamReport], folders: list[Path], as_json: bool) -> None:
    if as_json:
        print_json([report.to_json() for report in reports])
        return
    for report, folder in zip(reports, folders, strict=True):
        say(f"{folder}: {report}" if len(reports) > 1 else str(report))
