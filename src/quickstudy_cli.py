"""The command line's front door: it answers ``--help`` and ``--version`` at once, and loads a command with its needs.

It stands beside the package, because importing anything of the package loads PyTorch, which takes seconds on a busy machine.
"""

import os
import re
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version

from cyclopts import App, CycloptsError
from rich.console import Console

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "train": (
        "quickstudy.cli.recipes:train",
        "Meta-train a recipe into a run folder; the same command again goes on where it stopped.",
    ),
    "tune": (
        "quickstudy.cli.recipes:tune",
        "Search for the arguments of a recipe by meta-validation; the same command again goes on.",
    ),
    "list": ("quickstudy.cli.showing:list_", "Show the learners, recipes and data sets there are."),
    "resume": (
        "quickstudy.cli.training:resume",
        "Go on with a run that was stopped, bit for bit as if it had not been (in as many processes as before).",
    ),
    "watch": (
        "quickstudy.cli.watching:watch",
        "Watch a run live: loss, gradient norm, validation, and adaptation before and after inner steps on both levels.",
    ),
    "evaluate": (
        "quickstudy.cli.evaluating:evaluate",
        "Evaluate runs on meta-test tasks; each report is also saved as JSON in its run folder, with a page and its figures.",
    ),
    "compare": (
        "quickstudy.cli.comparing:compare",
        "Compare runs on the very same tasks, each against the first, with paired intervals; or all learners, with --all.",
    ),
    "adapt": (
        "quickstudy.cli.using:adapt",
        "Adapt a trained learner to your own images: a folder of class folders with a handful in each.",
    ),
    "predict": ("quickstudy.cli.using:predict", "Name the class of images with an adapted predictor."),
    "doctor": (
        "quickstudy.cli.doctor:doctor",
        "Examine a run, a recipe, a saved learner or a data set; each finding says what, how bad, and what to do.",
    ),
    "cite": ("quickstudy.cli.showing:cite", "Show how to cite quickstudy, and the paper behind a learner."),
    "demo": (
        "quickstudy.demo.demo:demo",
        "Meta-train, evaluate and compare learners on built-in data, and write a page about it: minutes on two cores.",
    ),
}
"""Where each command stands, and the first sentence of its help."""


def _version() -> str:
    try:
        return version("quickstudy")
    except PackageNotFoundError:
        return "unknown"


app = App(
    name="quickstudy",
    help="Learn from many small tasks how to learn the next one from a handful of examples.",
    version=_version,
)
for _name, (_where, _help) in COMMANDS.items():
    app.command(_where, name=_name, help=_help)


def main() -> None:
    """Runs the command line; exit status 0, 1 for what a person can mend, 2 for a defect of ours."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _fail(f"{error} Try: {' '.join(['quickstudy', *_words(), '--help'])}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        _tell("stopped; a training run goes on with: quickstudy resume RUN")
        sys.exit(130)
    except Exception as error:
        from quickstudy.errors import UserError

        if isinstance(error, UserError):
            _fail(str(error))
        if os.environ.get("QUICKSTUDY_DEBUG"):
            traceback.print_exc()
        name = type(error).__name__
        _tell(f"quickstudy: a defect of ours ({name}: {error}). Please report it; QUICKSTUDY_DEBUG=1 shows where.")
        sys.exit(2)


def _tell(text: str) -> None:
    Console(stderr=True).print(text, markup=False, soft_wrap=True, highlight=False)


def _fail(text: str) -> None:
    _tell(f"quickstudy: {text}")
    sys.exit(1)


def _words() -> list[str]:
    """The subcommands given, as far as there are such, for a hint that names the right help page."""
    commands: list[str] = []
    for word in sys.argv[1:3]:
        if not re.fullmatch(r"[a-z][a-z_-]*", word) or (not commands and word not in COMMANDS):
            break
        commands.append(word)
    return commands
