"""``quickstudy compare``: runs against each other, all learners, or a run against traditional learning."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from quickstudy.cli.call import Call, measures, named_apart
from quickstudy.cli.command import command, may_run_code
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, say, table
from quickstudy.cli.everyone import compare_all
from quickstudy.cli.traditional import compare_traditional
from quickstudy.errors import Argument, ArgumentError, RunError
from quickstudy.metrics.measure import Measure
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.reports.report import Report

__all__ = ["compare"]

_STEPS = 300


@command
@may_run_code
def compare(
    runs: list[Path] | None = None,
    /,
    *,
    all_: Annotated[str | None, Parameter(name="--all")] = None,
    traditional: Annotated[bool, Parameter(negative=())] = False,
    tasks: int | None = None,
    seed: int = 0,
    ways: int | None = None,
    shots: int | None = None,
    queries: int | None = None,
    metric: str | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    only: Annotated[list[str] | None, Parameter(negative=())] = None,
    steps: Annotated[int | None, AtLeast(0)] = None,
    out: Path | None = None,
    jobs: int | None = None,
) -> None:
    """Compare runs with the first one, on the same tasks, with paired intervals; with --all, compare all learners.

    Each difference is tested twice: for other tasks of the same classes, and for new classes.

    With --all DATA every classification learner is meta-trained with one small equal budget (the same tasks for each),
    evaluated on the same tasks: accuracy, seconds, state, memory. Each learner is kept in --out as soon as it is
    done, and the same command resumes where it was stopped.

    With --traditional one run is compared with learning without meta-learning: what each needs and reaches on the same tasks,
    and after how many new tasks the meta-training has paid for itself.

    Args:
        runs: folders of two or more runs; of one with --traditional.
        all_: compare all learners instead of runs, on this data: a name, a folder, or file.py:function.
        traditional: compare a run with learning each task by itself.
        tasks: how many tasks; 1000, with --all 300, with --traditional 100.
        seed: of the task list; with --all, of the training too.
        ways: classes in a task, if other than the recipes'; with --all 5.
        shots: support examples of each class, if other than the recipes'; with --all 1.
        queries: query examples of each class, if other than the recipes'; with --all 15.
        metric: pair the runs by this metric (auroc, log_loss, mean_absolute_error …) instead of the tasks' own.
        json_: print JSON instead of a table.
        only: with --all: only this learner; may be repeated.
        steps: 300 by default; with --all: outer steps of eight tasks; with --traditional: mini-batches of 64 to pre-train the
            baseline that is fine-tuned, 0 leaves it out.
        out: with --all: folder of the results, runs/all by default.
        jobs: processes that share the tasks, with --all the learners; -1 for all cores. The scores are those of one process;
            seconds are measured while the others work.
    """
    runs = runs or []
    _refuse_unused(all_ is not None, traditional, only=only, steps=steps, out=out)
    if metric is not None and (all_ is not None or traditional):
        raise ArgumentError(Argument("metric"), " has no effect on --all and --traditional. Leave it out.")
    if all_ is not None:
        if runs:
            raise RunError("--all trains learners of its own. Leave the runs out, or leave --all out.")
        sizes = {"ways": ways, "train_ways": ways, "shots": shots, "train_shots": shots, "queries": queries}
        sizes["steps"] = _STEPS if steps is None else steps
        given = {name: size for name, size in sizes.items() if size is not None}
        compare_all(
            all_, out or Path("runs/all"), only=only, sizes=given, tasks=tasks or 300, seed=seed, jobs=jobs, as_json=json_
        )
        return
    call = Call(tasks=1000 if tasks is None else tasks, seed=seed, ways=ways, shots=shots, queries=queries, jobs=jobs)
    if traditional:
        if len(runs) != 1:
            raise RunError("--traditional takes one run: quickstudy compare RUN --traditional.")
        call = replace(call, tasks=100 if tasks is None else tasks)
        call.check(runs)
        compare_traditional(runs[0], call, pretraining=_STEPS if steps is None else steps, as_json=json_)
        return
    if len(runs) < 2:
        raise RunError("a comparison needs two runs or more: quickstudy compare RUN RUN. For all learners: --all glyphs.")
    call = replace(call, metrics=_comparable(metric))
    call.check(runs)
    reports = named_apart([call.evaluate(run) for run in runs], runs)
    _pairs([report.by(metric) for report in reports] if metric else reports, as_json=json_)


def _comparable(metric: str | None) -> tuple[Measure, ...]:
    """The metric by which runs are paired; refused where it has no number to be compared for each task."""
    found = measures([metric] if metric else None)
    for each in found:
        if each.pooled or each.higher_is_better is None:
            raise ArgumentError(
                Argument("metric", metric), " gives no number to be compared for each task. Name a metric of single tasks."
            )
    return found


def _refuse_unused(everyone: bool, traditional: bool, **given: object) -> None:
    """Refuses flags that would have no effect."""
    if everyone and traditional:
        raise ArgumentError(Argument("all"), " and ", Argument("traditional"), " are two comparisons. Leave one out.")
    for name, value in given.items():
        if value is not None and not everyone and not (traditional and name == "steps"):
            raise ArgumentError(Argument(name), " has no effect on a comparison of runs. Leave it out, or give --all DATA.")


def _pairs(reports: list[Report], *, as_json: bool) -> None:
    """Each report against the first, printed."""
    from quickstudy.reports.compare import compare as paired

    pairs = [paired(report, reports[0]) for report in reports[1:]]
    if as_json:
        print_json({"reports": [r.to_json() for r in reports], "comparisons": [pair.to_json() for pair in pairs]})
        return
    console.print(table(reports))
    for comparison in pairs:
        say(str(comparison))
    if len(reports) > 2:
        from quickstudy.reports.ranking import rank  # scipy.stats behind it takes a while to load

        say(str(rank(reports)))
