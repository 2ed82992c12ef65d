"""``quickstudy evaluate`` and ``compare``: runs before the judge."""

import json
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from quickstudy.cli.console import out, print_json, progress, say, table
from quickstudy.errors import LearnerError, RunError
from quickstudy.report import Report
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import TaskSource

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
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Judge runs on meta-test tasks; each report is also saved as JSON in its run folder.

    Args:
        runs: folders of runs.
        tasks: how many tasks.
        seed: of the task list.
        ways: classes in a task, if other than the recipe's.
        shots: support examples of each class, if other than the recipe's.
        queries: query examples of each class, if other than the recipe's.
        with_: another argument for the learner, test_steps=10 say; may be given again.
        json_: print JSON instead of a table.
    """
    reports = [_judge(run, tasks, seed, (ways, shots, queries), _changes(with_)) for run in runs]
    if json_:
        print_json([report.to_json() for report in reports])
    else:
        out.print(table(reports))
        for report in reports:
            say(str(report))


def compare(
    runs: list[Path],
    /,
    *,
    tasks: int = 1000,
    seed: int = 0,
    ways: int | None = None,
    shots: int | None = None,
    queries: int | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Compare runs on the very same tasks, each against the first, with paired intervals.

    Args:
        runs: folders of two or more runs.
        tasks: how many tasks.
        seed: of the task list.
        ways: classes in a task, if other than the recipes'.
        shots: support examples of each class, if other than the recipes'.
        queries: query examples of each class, if other than the recipes'.
        json_: print JSON instead of a table.
    """
    from quickstudy.compare import compare as paired

    if len(runs) < 2:
        raise RunError("a comparison needs two runs or more: quickstudy compare RUN RUN.")
    reports = [_judge(run, tasks, seed, (ways, shots, queries), {}) for run in runs]
    pairs = [paired(report, reports[0]) for report in reports[1:]]
    if json_:
        found = [{"a": c.a, "b": c.b, "difference": c.difference, "interval": c.interval, "p_value": c.p_value} for c in pairs]
        print_json({"reports": [report.to_json() for report in reports], "comparisons": found})
        return
    out.print(table(reports))
    for comparison in pairs:
        say(str(comparison))


def _judge(
    folder: Path, tasks: int, seed: int, sizes: tuple[int | None, int | None, int | None], changes: dict[str, Any]
) -> Report:
    from quickstudy.evaluate import evaluate as judge
    from quickstudy.run import Run

    run = Run(folder)
    learner = run.learner(**changes)
    source = _resized(run.recipe().test, sizes)
    with progress() as bar:
        task = bar.add_task(f"meta-testing {folder}", total=tasks)
        report = judge(learner, source, tasks=tasks, seed=seed, progress=lambda done, _: bar.update(task, completed=done))
    changed = "".join(f"-{name}={value}" for name, value in changes.items())
    report.save(folder / f"report-{report.digest}{changed}.json")
    return report


def _resized(source: TaskSource[Any], sizes: tuple[int | None, int | None, int | None]) -> TaskSource[Any]:
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


def _changes(given: list[str] | None) -> dict[str, Any]:
    found = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise LearnerError(f"--with {text}: write it as NAME=VALUE, --with test_steps=10 say.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
