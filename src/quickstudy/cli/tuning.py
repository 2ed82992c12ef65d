"""``quickstudy tune``: a search over the arguments of a recipe; those that are given as flags stay as they are."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.progress import Progress, TaskID
from rich.table import Table

from quickstudy.cli.command import command as as_command
from quickstudy.cli.console import out as console
from quickstudy.cli.console import print_json, progress, say
from quickstudy.cli.training import flags_of, help_of
from quickstudy.recipes.parts.space import narrowed, spaces
from quickstudy.reports.tuned import Trial, Tuned
from quickstudy.storage.outputs import FIGURE, check_folder, json_of
from quickstudy.storage.own_code import trusting

__all__ = ["tune_command"]

_ROWS = 10
_FILES = (
    ("tuning.json", json_of("record of a tuning", "recipe", "trials")),
    ("history.png", FIGURE),
    ("arguments.png", FIGURE),
    ("importance.png", FIGURE),
)
_FLAGS: dict[str, tuple[Any, Any]] = {
    "trials": (Annotated[int, Parameter(help="Of the whole study, those of earlier calls and other processes included.")], 20),
    "timeout": (Annotated[float | None, Parameter(help="Minutes after which no trial is begun.")], None),
    "only": (Annotated[str | None, Parameter(help="Tune these arguments alone: lr,inner_lr.")], None),
    "space": (
        Annotated[
            list[str] | None,
            Parameter(help="Other values: lr=1e-4..1e-2, first_order=true|false; may be given again.", negative=()),
        ],
        None,
    ),
    "validations": (Annotated[int, Parameter(help="In a trial that comes to its end; the pruner sees each.")], 10),
    "pruner": (
        Annotated[Literal["median", "hyperband", "none"], Parameter(help="What stops a trial that does worse than others.")],
        "median",
    ),
    "seed": (Annotated[int, Parameter(help="Of weights and tasks in each trial, and of the search.")], 0),
    "study": (
        Annotated[
            str | None, Parameter(help="URL of a data base that several machines share; an SQLite file in the folder by default.")
        ],
        None,
    ),
    "name": (Annotated[str | None, Parameter(help="Of the study in the data base; the recipe's by default.")], None),
    "json_": (Annotated[bool, Parameter(name="--json", help="Print JSON instead of a table.", negative=())], False),
}


def tune_command(name: str, recipe: Callable[..., Any]) -> Callable[..., None]:
    """A command whose flags are the recipe's arguments, which fix them, and those of the search."""

    def command(*, out: Path | None = None, **arguments: Any) -> None:
        own = {key: value for key, value in arguments.items() if key not in _FLAGS}
        flags = {key: arguments.get(key, default) for key, (_, default) in _FLAGS.items()}
        with trusting():  # what is named here and now
            _tune(name, recipe, out or Path("runs") / f"{word}-tuning", own, flags)

    word, known = name.rpartition(":")[2], spaces(recipe)
    own = [_shown(p, known.get(p.name)) for p in flags_of(recipe) if p.name not in _FLAGS]
    hint = Annotated[Path | None, Parameter(help=f"Folder of the study; runs/{word}-tuning by default.")]
    added = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        for key, (hint, default) in {"out": (hint, None), **_FLAGS}.items()
    ]
    command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
    command.__doc__ = help_of(recipe)
    command.__name__ = word
    return as_command(command)


def _shown(parameter: inspect.Parameter, space: Any) -> inspect.Parameter:
    """An argument as its help tells it: what it is tuned in, if it is not given."""
    if space is None:
        return parameter

    def told(_: Any) -> str:
        return f"tuned, {space}"

    note = Parameter(show_default=told)
    return parameter.replace(annotation=Annotated[parameter.annotation, note])


def _tune(name: str, recipe: Callable[..., Any], folder: Path, fixed: dict[str, Any], flags: dict[str, Any]) -> None:
    from quickstudy.tuning.pruning import by_hyperband, by_median, never
    from quickstudy.tuning.search import tune

    check_folder(folder, argument="out", files=_FILES)
    space = narrowed(recipe, flags["space"] or ())
    with progress() as bar:
        found = tune(
            recipe,
            folder=folder,
            trials=flags["trials"],
            fixed=fixed,
            space=space,
            only=[word.strip().replace("-", "_") for word in flags["only"].split(",")] if flags["only"] else None,
            seed=flags["seed"],
            minutes=flags["timeout"],
            validations=flags["validations"],
            pruning={"median": by_median, "hyperband": by_hyperband, "none": never}[flags["pruner"]],
            study=flags["study"],
            name=flags["name"],
            watch=_Watcher(bar, flags["trials"], flags["validations"]),
        )
    found.save(folder / "tuning.json")
    drawn = _draw(found, folder)
    if flags["json_"]:
        print_json(found.to_json())
        return
    if not found.ranked:
        _ = found.best  # says why there is none
    console.print(_table(found))
    _tell(found, name, folder, drawn)


class _Watcher:
    """The bar, and a line for each trial that ends."""

    def __init__(self, bar: Progress, trials: int, validations: int) -> None:
        self.bar, self.trials, self.validations = bar, trials, validations
        self.task: TaskID | None = None

    def __call__(self, trial: Trial) -> None:
        if self.task is None:
            self.task = self.bar.add_task("", total=self.trials)
        number = min(trial.number, self.trials)
        part = len(trial.validations) / self.validations if trial.state == "running" else 1.0
        self.bar.update(self.task, description=f"trial {trial.number}, {_words(trial)}", completed=number + part)
        if trial.state != "running":
            score = "" if trial.score is None else f" {trial.score:.4f}"
            note = f" ({trial.note})" if trial.note else ""
            line = f"trial {trial.number:>3}  {trial.state}{score}  {_words(trial)}{note}"
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _words(trial: Trial) -> str:
    return " ".join(f"{name}={value}" for name, value in trial.arguments.items())


def _table(found: Tuned) -> Table:
    """The best trials, a row each."""
    count = len(found.trials)
    title = f"{found.recipe}: the best of {count} trials on {found.val_tasks:,} meta-validation tasks"
    table = Table("trial", *found.space, f"{found.metric}, validation", "after step", "s", title=title, title_justify="left")
    ranked = found.ranked
    shown = ranked[:_ROWS] + [t for t in ranked[_ROWS:] if t.number == 0]
    for trial in shown:
        step, mean, low, high = next(v for v in trial.validations if v[1] == trial.score)
        scale, unit = (100, " %") if found.metric == "accuracy" else (1, "")
        score = f"{scale * mean:.4g} ± {scale * (high - low) / 2:.2g}{unit}"
        name = f"{trial.number}" + (" (as it is)" if trial.number == 0 else "")
        table.add_row(name, *[str(trial.arguments[key]) for key in found.space], score, f"{step:,}", f"{trial.seconds:.0f}")
    return table


def _tell(found: Tuned, name: str, folder: Path, drawn: Sequence[str]) -> None:
    states = [t.state for t in found.trials]
    words = {"complete": "complete", "pruned": "stopped early", "failed": "failed", "lost": "lost with their process"}
    counts = [f"{states.count(state)} {word}" for state, word in words.items() if state in states]
    if "running" in states:
        counts.append(f"{states.count('running')} running in other processes")
    say(f"{', '.join(counts)}. The best score is optimistic: it was chosen as the best on these tasks.")
    if found.importances:
        say("importance: " + ", ".join(f"{name} {share:.0%}" for name, share in found.importances.items()))
    say(f"{folder}/tuning.json holds all numbers; figures: {', '.join(drawn)}.")
    say(f"train the best: {found.command_of(name)} --out runs/{found.recipe}-tuned")
    say(f"then evaluate it:  quickstudy evaluate runs/{found.recipe}-tuned")


def _draw(found: Tuned, folder: Path) -> list[str]:
    """The figures' names."""
    from quickstudy.plots.style import write_figure
    from quickstudy.plots.tuning import argument_importances, argument_slices, trial_history

    if not found.ranked:
        return []
    figures = {"history.png": trial_history, "arguments.png": argument_slices}
    if found.importances:
        figures["importance.png"] = argument_importances
    for name, draw in figures.items():
        write_figure(draw(found), folder / name)
    return list(figures)
