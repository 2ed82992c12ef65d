"""``quickstudy evaluate`` and ``compare``: runs before the judge."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, progress, say, table
from quickstudy.cli.everyone import compare_all
from quickstudy.errors import LearnerError, RunError
from quickstudy.intervals import interval_over_runs
from quickstudy.learner import Learner
from quickstudy.report import Report
from quickstudy.stream import StreamReport
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["compare", "evaluate"]


def evaluate(
    runs: list[Path],
    /,
    *,
    tasks: int = 1000,
    seed: int = 0,
    ways: int | None = None,
    shots: int | None = None,
    queries: int | None = None,
    with_: Annotated[list[str] | None, Parameter(name="--with", negative=())] = None,
    on: Annotated[list[str] | None, Parameter(name="--on", negative=())] = None,
    stream: Annotated[bool, Parameter(negative=())] = False,
    list_: Annotated[Path | None, Parameter(name="--list")] = None,
    save_list: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Judge runs on meta-test tasks; each report is also saved as JSON in its run folder.

    Runs of one recipe that differ in nothing but their seed are also summed up: the mean over training runs.

    Args:
        runs: folders of runs.
        tasks: how many tasks.
        seed: of the task list.
        ways: classes in a task, if other than the recipe's.
        shots: support examples of each class, if other than the recipe's.
        queries: query examples of each class, if other than the recipe's.
        with_: another argument for the learner, test_steps=10 say; may be given again.
        on: another argument of the recipe for its meta-test tasks, length=40 say; may be given again.
        stream: judge example by example, predict then learn: accuracy by presentation (for memories).
        list_: judge the tasks of this file instead of drawing some.
        save_list: write the tasks to this file, for others to judge theirs on.
        json_: print JSON instead of a table.
    """
    sizes, changes, arguments = (ways, shots, queries), _changes("--with", with_), _changes("--on", on)
    if stream:
        _streams([_judge_stream(run, tasks, seed, sizes, changes, arguments) for run in runs], json_)
        return
    reports = [_judge(run, tasks, seed, sizes, changes, arguments, list_) for run in runs]
    if save_list is not None:
        _save_list(save_list, _test_tasks(runs[0], sizes, arguments), tasks, seed, list_)
    if json_:
        print_json([report.to_json() for report in reports])
        return
    console.print(table(reports))
    for report in reports:
        say(str(report))
    if save_list is not None:
        say(f"The task list {reports[0].digest} is in {save_list}: quickstudy evaluate RUN --list {save_list}")
    if len(reports) > 1 and _differ_in_seed_alone(runs):
        low, high = (f"{value:.4g}" for value in interval_over_runs([report.mean for report in reports]))
        mean = sum(report.mean for report in reports) / len(reports)
        say(f"Over {len(reports)} training runs: {reports[0].metric} {mean:.4g} (95 % t-interval over runs {low} to {high}).")


def compare(
    runs: list[Path] | None = None,
    /,
    *,
    all_: Annotated[Literal["glyphs", "omniglot"] | None, Parameter(name="--all")] = None,
    tasks: int | None = None,
    seed: int = 0,
    ways: int | None = None,
    shots: int | None = None,
    queries: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    only: Annotated[list[str] | None, Parameter(negative=())] = None,
    steps: int = 300,
    out: Path = Path("runs/all"),
) -> None:
    """Compare runs on the very same tasks, each against the first, with paired intervals; or all learners, with --all.

    With --all DATA every classification learner is meta-trained with one small equal budget (the same tasks for each),
    judged on the same tasks and weighed: accuracy, seconds, state, memory. Each learner is kept in --out as soon as it is
    done, and the same command goes on where it was stopped.

    Args:
        runs: folders of two or more runs.
        all_: compare all learners on this data set instead of runs.
        tasks: how many tasks; 1000, with --all 300.
        seed: of the task list; with --all, of the training too.
        ways: classes in a task, if other than the recipes'; with --all 5.
        shots: support examples of each class, if other than the recipes'; with --all 1.
        queries: query examples of each class, if other than the recipes'; with --all 15.
        json_: print JSON instead of a table.
        only: with --all: only this learner; may be given again.
        steps: with --all: outer steps of eight tasks.
        out: with --all: folder of what came out.
    """
    from quickstudy.compare import compare as paired

    if all_ is not None:
        if runs:
            raise RunError("--all trains learners of its own. Leave the runs out, or leave --all out.")
        sizes = {"ways": ways, "shots": shots, "test_queries": queries, "steps": steps}
        given = {name: size for name, size in sizes.items() if size is not None}
        compare_all(all_, out, only=only, sizes=given, tasks=tasks or 300, seed=seed, as_json=json_)
        return
    runs, tasks = runs or [], tasks if tasks is not None else 1000

    if len(runs) < 2:
        raise RunError("a comparison needs two runs or more: quickstudy compare RUN RUN. For all learners: --all glyphs.")
    reports = _named_apart([_judge(run, tasks, seed, (ways, shots, queries), {}, {}) for run in runs], runs)
    pairs = [paired(report, reports[0]) for report in reports[1:]]
    if json_:
        found = [
            {
                "a": c.a,
                "b": c.b,
                "difference": c.difference,
                "interval": c.interval,
                "intervals": c.intervals,
                "p_value": c.p_value,
            }
            for c in pairs
        ]
        print_json({"reports": [report.to_json() for report in reports], "comparisons": found})
        return
    console.print(table(reports))
    for comparison in pairs:
        say(str(comparison))
    if len(reports) > 2:
        from quickstudy.ranking import rank  # scipy.stats behind it takes a while to load

        say(str(rank(reports)))


_Sizes = tuple[int | None, int | None, int | None]
"""Ways, shots and queries, where they are other than the recipe's."""


def _judge(
    folder: Path,
    tasks: int,
    seed: int,
    sizes: _Sizes,
    changes: dict[str, Any],
    arguments: dict[str, Any],
    list_: Path | None = None,
) -> Report:
    from quickstudy.evaluate import evaluate as judge

    learner, source = _called(folder, sizes, changes, arguments)
    plan = None if list_ is None else load_tasks(list_, source)
    with progress() as bar:
        task = bar.add_task(f"meta-testing {folder}", total=tasks if plan is None else len(plan))
        report = judge(
            learner, source, tasks=tasks, plan=plan, seed=seed, progress=lambda done, _: bar.update(task, completed=done)
        )
    changed = "".join(f"-{name}={value}" for name, value in changes.items())
    report.save(folder / f"report-{report.digest}{changed}.json")
    return report


def _save_list(path: Path, source: TaskSource[Any], tasks: int, seed: int, list_: Path | None) -> None:
    """The tasks that were judged, as a file."""
    plan = source.plan(tasks, generator_of(seed)) if list_ is None else load_tasks(list_, source)
    save_tasks(path, source, plan)


def _differ_in_seed_alone(folders: list[Path]) -> bool:
    from quickstudy.run import Run

    configs = [Run(folder).config for folder in folders]
    calls = {json.dumps([config["recipe"], config["arguments"]], sort_keys=True) for config in configs}
    return len(calls) == 1 and len({config["seed"] for config in configs}) == len(configs)


def _named_apart(reports: list[Report], folders: list[Path]) -> list[Report]:
    """Reports whose models have names of their own: two of one class are told apart by their folders."""
    names = [report.model for report in reports]
    return [
        replace(report, model=f"{report.model} in {folder}") if names.count(report.model) > 1 else report
        for report, folder in zip(reports, folders, strict=True)
    ]


def _judge_stream(
    folder: Path, tasks: int, seed: int, sizes: _Sizes, changes: dict[str, Any], arguments: dict[str, Any]
) -> StreamReport:
    from quickstudy.stream import evaluate_stream

    learner, source = _called(folder, sizes, changes, arguments)
    with progress() as bar:
        task = bar.add_task(f"meta-testing {folder}", total=tasks)
        found = evaluate_stream(
            learner, source, tasks=tasks, seed=seed, progress=lambda done, _: bar.update(task, completed=done)
        )
    found.save(folder / f"stream-{found.digest}.json")
    return found


def _streams(reports: list[StreamReport], as_json: bool) -> None:
    if as_json:
        print_json([report.to_json() for report in reports])
        return
    for report in reports:
        say(str(report))


def _called(
    folder: Path, sizes: _Sizes, changes: dict[str, Any], arguments: dict[str, Any]
) -> tuple[Learner[Any], TaskSource[Any]]:
    """A run's learner and its meta-test tasks, both as the call changes them."""
    from quickstudy.run import Run

    return Run(folder).learner(**changes), _test_tasks(folder, sizes, arguments)


def _test_tasks(folder: Path, sizes: _Sizes, arguments: dict[str, Any]) -> TaskSource[Any]:
    from quickstudy.run import Run

    return _resized(Run(folder).recipe(**arguments).test, sizes)


def _resized(source: TaskSource[Any], sizes: _Sizes) -> TaskSource[Any]:
    if not any(size is not None for size in sizes):
        return source
    if not isinstance(source, FewShot):
        raise LearnerError(f"the tasks of {source.name} have no ways, shots and queries to change. Leave these flags out.")
    ways, shots, queries = sizes
    return FewShot(
        source.index,
        ways if ways is not None else source.ways,
        shots if shots is not None else source.shots,
        queries if queries is not None else source.queries,
    )


def _changes(flag: str, given: list[str] | None) -> dict[str, Any]:
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise LearnerError(f"{flag} {text}: write it as NAME=VALUE, {flag} test_steps=10 say.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
