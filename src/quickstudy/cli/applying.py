"""``quickstudy app``: an application meta-trained and evaluated beside the best obvious methods, with its page."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Column, Table

from quickstudy.cli.call import changes
from quickstudy.cli.command import command
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, progress, say
from quickstudy.errors import Argument, ArgumentError, RunError
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.storage.outputs import PAGE, check_folder, check_output, json_of
from quickstudy.storage.own_code import trusting

if TYPE_CHECKING:
    from quickstudy.apps.application import Application
    from quickstudy.reports.appraisal import Appraisal, Row

__all__ = ["app"]

_FOLDER, _QUICK = Path("runs/apps"), Path("runs/quick")
_FILES = (("appraisal.json", json_of("appraisal", "application", "rows")), ("report.html", PAGE))
_Flag = Parameter(negative=())


@command
def app(
    name: str | None = None,
    /,
    *,
    data: str = "",
    out: Path | None = None,
    seeds: int = 1,
    tasks: int | None = None,
    seed: Annotated[int, AtLeast(0)] = 1000,
    with_: Annotated[list[str] | None, Parameter(name="--recipe-arg", negative=())] = None,
    quick: Annotated[bool, _Flag] = False,
    jobs: int | None = None,
    summary: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Solve a problem on real data: meta-train its learner, and evaluate it on unseen tasks beside other methods.

    Without a name the applications are listed. The learner stays in --out, for adapt, predict and update; a table and a page with
    figures beside it. It can be stopped at any time, and the same command resumes it; scores of baselines are kept.

    Args:
        name: of the application.
        data: data of your own, in the application's format; its own data by default.
        out: folder of the results, runs/apps/NAME by default, runs/quick/NAME with --quick.
        seeds: number of trainings, over which the learner's scores are averaged.
        tasks: number of meta-test tasks of each row; the application's own by default.
        seed: of the lists of meta-test tasks.
        with_: another argument for the application's recipe, for example steps=100; may be repeated.
        quick: tiny settings, in less than a minute, to see that everything runs: its numbers mean nothing.
        jobs: processes that share the meta-test tasks of an evaluation, -1 for all cores; the scores are those of one.
        summary: write one page of all applications that runs/apps (or --out) holds, instead of an application.
        json_: print JSON instead of tables.
    """
    if summary is not None:
        _summarize(name, summary, out or _FOLDER)
        return
    if name is None:
        _list(json_)
        return
    from quickstudy.apps.known import application_named

    application = application_named(name)
    folder = out or (_QUICK if quick else _FOLDER) / name
    check_folder(folder, argument="out", files=_FILES)
    arguments = changes("--recipe-arg", with_) | ({"data": data} if data else {})
    with trusting():
        found = _appraised(application, folder, arguments, seeds=seeds, tasks=tasks, seed=seed, quick=quick, jobs=jobs)
    found.save(folder / "appraisal.json")
    if json_:
        print_json(found.to_json())
        return
    _show(application, found, folder)


def _appraised(
    application: "Application",
    folder: Path,
    arguments: dict[str, object],
    *,
    seeds: int,
    tasks: int | None,
    seed: int,
    quick: bool,
    jobs: int | None,
) -> "Appraisal":
    from quickstudy.runs.appraise import appraise

    with progress() as bar:
        task = bar.add_task(application.name, total=None)

        def told(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total if total > 1 else None)

        return appraise(
            application,
            folder,
            arguments,
            seeds=range(seeds),
            tasks=tasks,
            task_seed=seed,
            quick=quick,
            told=told,
            jobs=jobs,
        )


def _show(application: "Application", found: "Appraisal", folder: Path) -> None:
    from quickstudy.plots.application_page import application_page
    from quickstudy.runs.run import Run

    adapts = Run(folder).learner().reads is not None
    page = application_page(application, found, folder, adapts=adapts)
    page.write(folder / "report.html")
    for result in found.rows:
        console.print(_table(result))
    for result in found.rows:
        say(f"{result.name}: {result.verdict}.")
    if found.quick:
        say("Mind: made with tiny settings; these numbers mean nothing.")
    say(f"page:    {folder / 'report.html'}")
    if adapts:
        say(f"next:    {shlex.join(['quickstudy', 'adapt', str(folder), 'MY_EXAMPLES', '-o', 'mine.safetensors'])}")
    else:
        say(f"next:    in Python: quickstudy.load({str(folder / 'best.safetensors')!r})")
    say(f"         bring: {application.bring}")


def _table(result: "Row") -> Table:
    """One row of the appraisal: each model's score, and the learner's gain over it; it fits a narrow terminal."""
    from quickstudy.reports.appraisal import signed
    from quickstudy.reports.words import amount

    metric = result.learner.metric
    better = "higher" if result.learner.higher_is_better else "lower"
    title = f"{result.name}: {metric}, {better} is better; {len(result.learner.scores):,} tasks"
    found = Table(Column("model", overflow="fold"), "is", metric, "gain of the learner, 95 %", title=title, title_justify="left")
    for entry in result.entries:
        gain = ""
        if entry.role != "learner":
            size, bounds = result.gain(entry)
            gain = f"{signed(size, metric)} ({signed(bounds[0], metric)} to {signed(bounds[1], metric)})"
        found.add_row(entry.report.model, entry.role, amount(entry.report.mean, metric), gain)
    return found


def _list(as_json: bool) -> None:
    from quickstudy.apps.known import applications

    found = applications()
    if as_json:
        print_json([{"name": name, "title": each.title, "bring": each.bring} for name, each in found.items()])
        return
    table = Table("application", "the problem", title="applications (quickstudy app NAME)", title_justify="left")
    for name, each in found.items():
        table.add_row(name, each.title)
    console.print(table)


def _summarize(name: str | None, page: Path, folder: Path) -> None:
    from quickstudy.plots.application_page import summary_page
    from quickstudy.reports.appraisal import Appraisal

    if name is not None:
        raise ArgumentError("one page of all applications takes no name. Leave it out, or leave ", Argument("summary"), " out.")
    check_output(page, PAGE, argument="summary")
    files = sorted(folder.glob("*/appraisal.json"))
    if not files:
        raise RunError(f"{folder} holds no application that was run. Run one first: quickstudy app NAME")
    summary_page([Appraisal.load(file) for file in files]).write(page)
    say(f"page:    {page} ({len(files)} application{'s' if len(files) > 1 else ''})")
