"""``quickstudy doctor THING``: faults of data, tasks, a learner or a run, with remedies."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from quickstudy.cli.command import READING, command, may_run_code
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, progress, say
from quickstudy.errors import Argument, DataError, LearnerError, UserError, nearest
from quickstudy.storage.outputs import FIGURE, check_output
from quickstudy.storage.own_code import names_code, trusting
from quickstudy.tasks.named_data import data_names
from quickstudy.tasks.open_data import Opened, Reading, Whole, open_data, open_unparted

if TYPE_CHECKING:
    from quickstudy.checks.doctor import Subject
    from quickstudy.checks.finding import Diagnosis
    from quickstudy.runs.run import Run

__all__ = ["doctor"]

_COLOURS = {"severe": "bold red", "warning": "yellow", "note": "cyan", "ok": "green", "skipped": "dim"}


@command
@may_run_code
def doctor(
    thing: str,
    /,
    *,
    data: str | None = None,
    tasks: int = 200,
    seed: int = 0,
    only: Annotated[list[str] | None, Parameter(negative=())] = None,
    out: Path | None = None,
    json_: Annotated[bool, Parameter(name="--json", negative=())] = False,
    force: Annotated[bool, Parameter(negative=())] = False,
    reading: READING = Reading(),  # noqa: B008  a frozen record
) -> None:
    """Examine a run, a recipe, a saved learner or a data set; findings state what is wrong, how bad it is, and the remedy.

    The exit status is 1 if anything severe was found.

    Args:
        thing: folder of a run; name of a recipe (before it is trained: what a step will cost); file of a saved learner; name of
            a data set, for example glyphs; or data of your own, see ``quickstudy data``.
        data: of a recipe, if other than its own: what ``quickstudy train RECIPE --data`` takes.
        tasks: on which shares and gaps are measured.
        seed: of tasks and random numbers.
        only: a single check, by its name in the table; may be repeated.
        out: also draw how much the meta-training tasks differ, into this figure.
        json_: print JSON instead of tables.
        force: overwrite any existing file, but never a file of a run.
        reading: of data of your own.
    """
    from quickstudy.checks.doctor import examine

    if out is not None:
        check_output(out, FIGURE, argument="out", force=force)
    subject = _subject(thing, data, reading)
    if out is not None and subject.train is None:
        raise LearnerError(
            f"{subject.name} has no meta-training tasks whose diversity could be drawn. Leave ", Argument("out"), " out."
        )
    with progress() as bar:
        task = bar.add_task("", total=None)
        found = examine(
            subject,
            tasks=tasks,
            seed=seed,
            only=only,
            progress=lambda name, done, total: bar.update(task, description=name, completed=done, total=total),
        )
    if json_:
        print_json(found.to_json())
    else:
        _show(found)
    if out is not None:
        _draw(subject, out, seed)
    if any(finding.how_bad.name == "SEVERE" for finding in found.findings):
        sys.exit(1)


def _show(found: "Diagnosis") -> None:
    table = Table("check", "", "what was measured", title=found.subject, title_justify="left", box=SIMPLE_HEAD)
    for name, observation in found.observations.items():
        table.add_row(name, Text(observation.verdict, _COLOURS[observation.verdict]), observation.note)
    console.print(table)
    for finding in found.findings:
        word = finding.how_bad.name.lower()
        console.print(Text(word, _COLOURS[word]), end=" ")
        say(finding.what)
        say(f"  what to do: {finding.remedy}")
    if not found.findings:
        say("nothing found")


def _draw(subject: "Subject", path: Path, seed: int) -> None:
    from quickstudy.checks.diversity import task_diversity
    from quickstudy.plots.diversity import diversity
    from quickstudy.plots.style import write_figure

    assert subject.train is not None
    measured = task_diversity(subject.train, seed=seed)
    if measured is None:
        raise LearnerError(
            f"the tasks of {subject.train.name} have no diversity that could be drawn. Leave ", Argument("out"), " out."
        )
    write_figure(diversity(measured, title=subject.train.name), path)
    say(f"task diversity: {path}")


def _subject(thing: str, data: str | None, reading: Reading) -> "Subject":
    """What ``thing`` names: a folder or a file first, then a recipe, then a data set."""
    from quickstudy.checks.doctor import subject_of_data
    from quickstudy.runs.known import recipe_functions
    from quickstudy.runs.run import Run

    path = Path(thing)
    if (path / "run.json").exists():
        return _of_run(Run(path), path.name)
    if path.is_file() and path.suffix == ".safetensors":
        return _of_file(path)
    if thing in recipe_functions():
        given = {name: getattr(reading, name) for name in reading.given} | ({} if data is None else {"data": data})
        with trusting():  # what is named here and now
            return _of_run(Run(path, thing, given), thing)
    if data is not None:
        raise UserError(f"{thing} is no recipe, so its data cannot be chosen. Leave ", Argument("data"), " out.")
    if not path.exists() and not names_code(thing) and thing not in data_names():
        known = [*recipe_functions(), *data_names()]
        raise UserError(
            f"{thing} is no folder or file here, and no name of a recipe or data set.{nearest(thing, known)} "
            f"Data sets: {', '.join(data_names())}. Recipes: quickstudy list."
        )
    found: Opened | Whole
    try:
        found = open_data(thing, reading, trust=True)
    except DataError:  # too few classes for three parts are examined all the same; other faults are raised again
        found = open_unparted(thing, reading, trust=True)
    return subject_of_data(found.content, found.name)


def _of_run(run: "Run", name: str) -> "Subject":
    from quickstudy.checks.doctor import Subject
    from quickstudy.saving.checkpoint import load

    recipe, best = run.recipe(), run.folder / "best.safetensors"
    if best.exists():
        load(best, like=recipe.learner)
    return Subject(
        name,
        recipe.train,
        recipe.val,
        recipe.test,
        recipe.learner,
        optimizer=recipe.optimizer,
        batch=recipe.batch,
        steps=recipe.steps,
        history=run.history(),
        trained=best.exists(),
    )


def _of_file(path: Path) -> "Subject":
    """A saved learner with the tasks of the recipe that is noted in its file."""
    from quickstudy.checks.doctor import Subject
    from quickstudy.runs.run import Run
    from quickstudy.saving.checkpoint import load
    from quickstudy.storage.artefact import read

    call = read(path, ("learner",)).description.get("recipe") or {}
    if "recipe" not in call:
        raise LearnerError(
            f"{path} does not name the recipe that made it, so there are no tasks to check. In Python: "
            "checks.examine(checks.Subject(name, train=source, learner=learner))."
        )
    recipe = Run(path.parent / path.stem, call["recipe"], call.get("arguments", {}), call.get("seed", 0)).recipe()
    return Subject(path.name, recipe.train, recipe.val, recipe.test, load(path), trained=True)
