"""The command line: ``quickstudy list | train | resume | evaluate | compare | adapt | predict | cite | demo``."""

import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from quickstudy import learners
from quickstudy.artefact import versions
from quickstudy.errors import LearnerError, RunError, UserError
from quickstudy.learner import Learner
from quickstudy.report import Report
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import TaskSource

__all__ = ["app", "main"]

_out = Console()
_err = Console(stderr=True)

app = App(
    name="quickstudy",
    help="Learn from many small tasks how to learn the next one from a handful of examples.",
    version=versions()["quickstudy"],
)
_train = App(name="train", help="Meta-train a recipe into a run folder; the same command again goes on where it stopped.")
app.command(_train)


def main() -> None:
    """Runs the command line; exit status 0, 1 for what a person can mend, 2 for a defect of ours."""
    try:
        app(exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _fail(f"{error} Try: quickstudy {' '.join(_words())} --help")
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        _err.print("stopped; a training run goes on with: quickstudy resume RUN")
        sys.exit(130)
    except Exception:
        if os.environ.get("QUICKSTUDY_DEBUG"):
            traceback.print_exc()
        kind, value, _ = sys.exc_info()
        name = kind.__name__ if kind else "error"
        _err.print(f"quickstudy: a defect of ours ({name}: {value}). Please report it; QUICKSTUDY_DEBUG=1 shows where.", markup=False)
        sys.exit(2)


def _fail(text: str) -> None:
    _err.print(f"quickstudy: {text}", markup=False, soft_wrap=True, highlight=False)
    sys.exit(1)


def _words() -> list[str]:
    """The subcommands given, for a hint that names the right help page."""
    commands = []
    for word in sys.argv[1:3]:
        if not re.fullmatch(r"[a-z][a-z_-]*", word):
            break
        commands.append(word)
    return commands


@app.command(name="list")
def list_() -> None:
    """Show the learners, recipes and data sets there are."""
    from quickstudy import datasets
    from quickstudy.run import recipe_functions

    table = Table("learner", "family", "what it does", title="learners", title_justify="left")
    for wing in ("optimization", "metric", "baselines"):
        for name in getattr(learners, wing).__all__:
            table.add_row(name, wing, _first_line(sys.modules[getattr(learners, name).__module__]))
    _out.print(table)
    table = Table("recipe", "what it trains", title="recipes (quickstudy train RECIPE --help)", title_justify="left")
    for name, fn in recipe_functions().items():
        table.add_row(name, _first_line(fn))
    _out.print(table)
    table = Table("data set", "what it is", title="data sets", title_justify="left")
    for name in ("glyphs", "omniglot", "image_folder", "from_arrays", "from_dataset"):
        table.add_row(name, _first_line(getattr(datasets, name)))
    _out.print(table)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n")[0]


def _train_command(name: str, recipe: Callable[..., Any]) -> Callable[..., None]:
    """A command whose flags are the recipe's arguments, and --out and --seed."""

    def command(*, out: Path | None = None, seed: int = 0, **arguments: Any) -> None:
        _train_run(out or Path("runs") / name, name, arguments, seed)

    extra = {
        "out": (Annotated[Path | None, Parameter(help=f"Folder of the run; runs/{name} by default.")], None),
        "seed": (Annotated[int, Parameter(help="Of weights, tasks and inner randomness.")], 0),
    }
    own = inspect.signature(recipe).parameters.values()
    added = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        for key, (hint, default) in extra.items()
    ]
    command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
    command.__doc__ = recipe.__doc__
    command.__name__ = name
    return command


def _train_run(folder: Path, name: str | None, arguments: dict[str, Any], seed: int) -> None:
    from quickstudy.run import Run, Validation

    run = Run(folder, name, arguments, seed)
    total = run.recipe().steps
    with _progress() as bar:
        task = bar.add_task("meta-training", total=total)
        for record in run.train():
            if isinstance(record, Validation):
                mark = " [green](best so far)[/]" if record.best else ""
                bar.console.print(f"step {record.step:>6}  validation {record.report.metric} {record.report.mean:.4f}{mark}")
            else:
                bar.update(task, completed=record.step, description=f"meta-training, loss {record.loss:.4f}")
        bar.update(task, completed=total)
    _out.print(f"trained: {folder}", markup=False, highlight=False, soft_wrap=True)
    _out.print(f"next:    quickstudy evaluate {folder}", markup=False, highlight=False, soft_wrap=True)


@app.command
def resume(run: Path) -> None:
    """Go on with a run that was stopped, bit for bit as if it had not been.

    Args:
        run: folder of the run.
    """
    from quickstudy.run import Run

    found = Run(run).config
    _train_run(run, found["recipe"], found["arguments"], found["seed"])


@app.command
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
        _print_json([report.to_json() for report in reports])
    else:
        _out.print(_table(reports))
        for report in reports:
            _out.print(str(report), markup=False, highlight=False, soft_wrap=True)


@app.command
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
        _print_json({"reports": [report.to_json() for report in reports], "comparisons": found})
        return
    _out.print(_table(reports))
    for comparison in pairs:
        _out.print(str(comparison), markup=False, highlight=False, soft_wrap=True)


def _judge(
    folder: Path, tasks: int, seed: int, sizes: tuple[int | None, int | None, int | None], changes: dict[str, Any]
) -> Report:
    from quickstudy.evaluate import evaluate as judge
    from quickstudy.run import Run

    run = Run(folder)
    learner = run.learner(**changes)
    source = _resized(run.recipe().test, sizes)
    with _progress() as bar:
        task = bar.add_task(f"meta-testing {folder}", total=tasks)
        report = judge(learner, source, tasks=tasks, seed=seed, progress=lambda done, _: bar.update(task, completed=done))
    report.save(folder / f"report-{report.digest}{'-' + '-'.join(f'{k}={v}' for k, v in changes.items()) if changes else ''}.json")
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


@app.command
def adapt(
    run: Path,
    support: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    skip_broken: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Adapt a trained learner to your own pictures: a folder of class folders with a handful in each.

    Args:
        run: folder of a run, or a saved learner.
        support: folder of class folders.
        output: file for the adapted predictor.
        skip_broken: leave broken pictures out instead of stopping.
    """
    from quickstudy.checkpoint import save
    from quickstudy.datasets.image_folder import image_folder
    from quickstudy.task import Examples

    learner = _learner(run)
    if learner.pictures is None:
        raise LearnerError(f"{run} was not trained on pictures, so it cannot be adapted to a folder of them.")
    index = image_folder(support, pictures=learner.pictures, on_error="skip" if skip_broken else "raise")
    import torch

    predictor = learner(Examples.of(index.gather(torch.arange(len(index))), index.labels), index.classes)
    save(predictor, output)
    _out.print(f"adapted to {len(index)} pictures of {len(index.classes)} classes: {output}", markup=False, highlight=False, soft_wrap=True)
    _out.print(f"next: quickstudy predict {output} PICTURE …", markup=False, highlight=False, soft_wrap=True)


def _learner(path: Path) -> Learner[Any]:
    from quickstudy.checkpoint import load
    from quickstudy.run import Run

    if path.is_dir():
        return Run(path).learner()
    learner = load(path)
    if not isinstance(learner, Learner):
        raise LearnerError(f"{path} is already adapted. Adapt from a run folder or a saved learner.")
    return learner


@app.command
def predict(
    file: Path, images: list[Path], /, *, json_: Annotated[bool, Parameter(name="--json", negative=())] = False
) -> None:
    """Name the class of pictures with an adapted predictor.

    Args:
        file: what quickstudy adapt wrote.
        images: pictures, or folders of pictures.
        json_: print JSON instead of a table.
    """
    import torch

    from quickstudy.checkpoint import load
    from quickstudy.learner import Predictor

    predictor = load(file)
    if not isinstance(predictor, Predictor) or predictor.pictures is None:
        raise LearnerError(f"{file} is no predictor of pictures. Make one: quickstudy adapt RUN SUPPORT_FOLDER -o FILE")
    paths = [p for image in images for p in (sorted(image.iterdir()) if image.is_dir() else [image]) if not p.name.startswith(".")]
    if not paths:
        raise LearnerError(f"there are no pictures in {', '.join(map(str, images))}.")
    probabilities = predictor.probabilities(torch.stack([predictor.pictures(path) for path in paths]))
    classes = predictor.classes or tuple(map(str, range(probabilities.shape[1])))
    rows = [(path, classes[int(row.argmax())], row.tolist()) for path, row in zip(paths, probabilities, strict=True)]
    if json_:
        found = [{"image": str(p), "class": best, "probabilities": dict(zip(classes, row, strict=True))} for p, best, row in rows]
        _print_json(found)
        return
    table = Table("picture", "class", *classes[:12])
    for path, best, row in rows:
        table.add_row(str(path), f"[bold]{best}[/]", *[f"{value:.3f}" for value in row[:12]])
    _out.print(table)


@app.command
def cite(learner: str | None = None) -> None:
    """Show how to cite quickstudy, and the paper behind a learner.

    Args:
        learner: its name, MAML say.
    """
    if learner is not None:
        found = getattr(learners, learner, None)
        if not (isinstance(found, type) and issubclass(found, Learner)):
            raise LearnerError(f"there is no learner {learner!r}. There are: {', '.join(_names())}.")
        text = inspect.getdoc(sys.modules[found.__module__]) or ""
        source = re.search(r"Source: (.+?)(?:\n\n|$)", text, re.DOTALL)
        _out.print(f"{learner}: {' '.join(source[1].split()) if source else 'no paper; a plain baseline.'}", markup=False, soft_wrap=True)
        return
    own = versions()["quickstudy"]
    _out.print(
        f"@software{{quickstudy,\n  title = {{quickstudy: meta-learning for many small tasks}},\n"
        f"  author = {{The quickstudy developers}},\n  version = {{{own}}},\n  year = {{2026}}\n}}",
        markup=False,
        highlight=False,
    )


def _names() -> list[str]:
    return [name for name in learners.__all__ if isinstance(getattr(learners, name), type)]


def _table(reports: list[Report]) -> Table:
    rows = [report.row() for report in reports]
    table = Table(*dict.fromkeys(key for row in rows for key in row), title=reports[0].source, title_justify="left")
    for row in rows:
        table.add_row(*[row.get(str(column.header), "") for column in table.columns])
    return table


def _print_json(found: Any) -> None:
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=_err, transient=True) as bar:
        yield bar


def _add_recipes() -> None:
    from quickstudy.run import recipe_functions

    for name, recipe in recipe_functions().items():
        _train.command(_train_command(name, recipe), name=name)


_add_recipes()
