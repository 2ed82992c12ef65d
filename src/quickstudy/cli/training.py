"""``quickstudy train`` and ``resume``: the flags of a recipe are its signature."""

import inspect
import math
import shlex
import time
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from quickstudy.cli.command import command as as_command
from quickstudy.cli.command import may_run_code
from quickstudy.cli.console import progress, say
from quickstudy.cli.launching import Machines
from quickstudy.cli.stopping import until_stopped
from quickstudy.recipes.parts.flags import presets_of, section_of
from quickstudy.storage.outputs import check_folder
from quickstudy.storage.own_code import trusting

if TYPE_CHECKING:
    from quickstudy.runs.run import Run

__all__ = ["flags_of", "help_of", "resume", "train_command"]

_LOOK_SECONDS = 3.0
_BOARD_SECONDS = 2.0
_COMPILE = Parameter(help="Compile the steps first: pays for small networks in long runs, and needs a C++ compiler.", negative="")
_CHANGED = Parameter(help="Go on although the data or the recipe's file changed since the run began, and record it.", negative="")
_TENSORBOARD = Parameter(help="Write the log for TensorBoard as well: tensorboard --logdir RUN.", negative="")


def train_command(name: str, recipe: Callable[..., Any]) -> Callable[..., None]:
    """A command whose flags are the recipe's arguments, --out, --seed, and where to train."""
    word = name.rpartition(":")[2]

    def command(
        *,
        out: Path | None = None,
        seed: int = 0,
        machines: Machines | None = None,
        compile: bool = False,
        tensorboard: bool = False,
        accept_changed: bool = False,
        **arguments: Any,
    ) -> None:
        with trusting():  # what is named here and now
            run = _opened(out or Path("runs") / word, name, arguments, seed)
            _train_run(run, machines or Machines(), compile, tensorboard, accept_changed)

    extra = {
        "out": (Annotated[Path | None, Parameter(help=f"Folder of the run; runs/{word} by default.")], None),
        "seed": (Annotated[int, Parameter(help="Of weights, tasks and inner randomness.")], 0),
        "machines": (Machines | None, None),
        "compile": (Annotated[bool, _COMPILE], False),
        "tensorboard": (Annotated[bool, _TENSORBOARD], False),
        "accept_changed": (Annotated[bool, _CHANGED], False),
    }
    own = flags_of(recipe)
    added = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        for key, (hint, default) in extra.items()
    ]
    command.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
    command.__doc__ = help_of(recipe)
    command.__name__ = word
    return as_command(command)


def flags_of(recipe: Callable[..., Any]) -> list[inspect.Parameter]:
    """A recipe's arguments as flags, those that recipes share under titles."""
    found = []
    for name, parameter in inspect.signature(recipe).parameters.items():
        title, hint = section_of(recipe, name), parameter.annotation
        if hint is Any:  # in Python data may be an object, too
            hint = str
        note = Parameter(group=title, negative=())
        found.append(parameter.replace(annotation=hint if title is None else Annotated[hint, note]))
    return found


def help_of(recipe: Callable[..., Any]) -> str:
    """A recipe's docstring with its presets spelled out."""
    text = inspect.getdoc(recipe) or ""
    presets = [
        f"Preset {name}: " + ", ".join(f"{key.replace('_', '-')} {value}" for key, value in values.items()) + "."
        for name, values in presets_of(recipe).items()
    ]
    head, args, rest = text.partition("\nArgs:\n")
    return head + "".join(f"\n{line}\n" for line in presets) + args + rest


def _opened(folder: Path, name: str, arguments: dict[str, Any], seed: int) -> "Run":
    """The run in a folder, and a line on the preset where it is new."""
    from quickstudy.runs.run import Run

    check_folder(folder, argument="out")
    begun = (folder / "run.json").exists()
    run = Run(folder, name, arguments, seed)
    preset = run.config["resolved"].get("preset", "none")
    if not begun and preset != "none" and "preset" not in arguments:
        say(f"preset:  {preset}, the published settings for it; your own arguments go before them (--preset none: without it)")
    return run


def _train_run(run: "Run", machines: Machines, compiled: bool, tensorboard: bool, accept_changed: bool) -> None:
    folder, recipe = run.folder, run.recipe()
    board = _Following(folder) if tensorboard else None
    fabric = machines.fabric()
    first = fabric is None or fabric.global_rank == 0
    if first and not run.history():
        _tell_cost(recipe, fabric.world_size if fabric is not None else 1)
        say(f"live:    {shlex.join(['quickstudy', 'watch', str(folder)])}")
    again = shlex.join(["quickstudy", "resume", str(folder), *machines.flags(), *(["--tensorboard"] if tensorboard else [])])
    with progress() if first else _silent() as bar, board if board and first else nullcontext() as follow:
        shown = _shown_while(run.train(fabric, compile=compiled, accept_changed=accept_changed), bar, recipe.steps)
        with until_stopped(again) as stop, closing(shown):
            for _ in shown:
                if follow is not None:
                    follow()
                if stop:
                    break
    if first:
        say(f"trained: {folder}")
        say(f"next:    {shlex.join(['quickstudy', 'evaluate', str(folder)])}")


def _shown_while(records: Generator[Any], bar: Progress, total: int) -> Generator[None]:
    """Shows each record; the training is closed, and so saved, when the one who asks for records stops asking."""
    from quickstudy.runs.looking import Validation

    task = bar.add_task("meta-training", total=total)
    with closing(records):
        for record in records:
            if isinstance(record, Validation):
                words = f"step {record.step:>6}  validation {record.report.metric} {record.report.mean:.4f}"
                bar.console.print(Text.assemble(words, (" (best so far)", "green") if record.best else ""))
            else:
                bar.update(task, completed=record.step, description=f"meta-training, loss {record.loss:.4f}")
            yield
    bar.update(task, completed=total)


class _Following:
    """A call now and then copies what the log has gained into TensorBoard's files; at the end all of it."""

    def __init__(self, folder: Path) -> None:
        from quickstudy.monitoring.board import Board

        self.board, self.last = Board(folder), -math.inf

    def __call__(self) -> None:
        if time.monotonic() - self.last > _BOARD_SECONDS:
            self.board.follow()
            self.last = time.monotonic()

    def __enter__(self) -> "_Following":
        return self

    def __exit__(self, *raised: object) -> None:
        self.board.close()


def _tell_cost(recipe: Any, processes: int) -> None:
    """What a step of one process will cost, measured on a few small ones."""
    from quickstudy.checks.cost import step_cost

    share = -(-recipe.batch // processes)
    cost = step_cost(recipe.learner, recipe.train, batch=share, optimizer=recipe.optimizer, budget=_LOOK_SECONDS)
    whole = timedelta(seconds=round(cost.seconds * recipe.steps))
    say(
        f"a step:  about {cost.seconds:.2g} s and {(cost.peak_bytes + cost.resident_bytes) / 1e6:,.3g} MB of tensors"
        + (f" in each of {processes} processes" if processes > 1 else "")
        + f"; {recipe.steps:,} steps take about {whole}, validation not counted"
    )


def _silent() -> Progress:
    """The progress bar of a process whose like shows it already."""
    return Progress(console=Console(quiet=True), disable=True)


@as_command
@may_run_code
def resume(
    run: Path,
    *,
    machines: Machines | None = None,
    compile: Annotated[bool, _COMPILE] = False,
    tensorboard: Annotated[bool, _TENSORBOARD] = False,
    accept_changed: Annotated[bool, _CHANGED] = False,
) -> None:
    """Resume a stopped run; with as many processes as before it ends as if it had not been stopped, bit for bit.

    Args:
        run: folder of the run.
    """
    from quickstudy.runs.run import Run

    _train_run(Run(run), machines or Machines(), compile, tensorboard, accept_changed)
