"""The entry point of the command line: ``--help`` and ``--version`` are fast, a command is loaded only when it is called.

It stands beside the package, because importing anything of the package loads PyTorch, which takes seconds on a busy machine.
"""

import os
import shlex
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Any, NoReturn

from cyclopts import App, CycloptsError, UnknownCommandError
from rich.console import Console

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "train": (
        "quickstudy.cli.recipes:train",
        "Meta-train a recipe into a run folder; the same command resumes a stopped run.",
    ),
    "tune": (
        "quickstudy.cli.recipes:tune",
        "Search for the arguments of a recipe by meta-validation; the same command resumes a stopped search.",
    ),
    "list": ("quickstudy.cli.showing:list_", "List the learners, recipes, data sets and backbones."),
    "resume": (
        "quickstudy.cli.training:resume",
        "Resume a stopped run; with as many processes as before it ends as if it had not been stopped, bit for bit.",
    ),
    "watch": (
        "quickstudy.cli.watching:watch",
        "Watch a run live: loss, gradient norm, validation, and adaptation before and after inner steps.",
    ),
    "evaluate": (
        "quickstudy.cli.evaluating:evaluate",
        "Evaluate runs on meta-test tasks; each report is also saved as JSON in its run folder, with a page and its figures.",
    ),
    "temperature": (
        "quickstudy.cli.tempering:temperature",
        "Make a run's probabilities as sure as they are right: one number, fitted on meta-validation tasks.",
    ),
    "compare": (
        "quickstudy.cli.comparing:compare",
        "Compare runs with the first one, on the same tasks, with paired intervals; with --all, compare all learners.",
    ),
    "adapt": (
        "quickstudy.cli.adapting:adapt",
        "Adapt a trained learner to your own images, texts or rows of a table, and see how good it is on them.",
    ),
    "update": ("quickstudy.cli.updating:update", "Add examples to an adapted predictor, of its classes or of new ones."),
    "predict": (
        "quickstudy.cli.predicting:predict",
        "Name the class of images, texts or rows with an adapted predictor, or predict their numbers.",
    ),
    "export": (
        "quickstudy.cli.exporting:export",
        "Export a learner or an adapted predictor as a program that runs without quickstudy (ONNX, PyTorch), or for MLflow.",
    ),
    "app": (
        "quickstudy.cli.applying:app",
        "Solve a problem on real data: meta-train its learner, and evaluate it on unseen tasks beside other methods.",
    ),
    "serve": (
        "quickstudy.cli.serving:serve",
        "Serve learners over HTTP: send labelled examples, get a task; ask it, add to it, at once.",
    ),
    "data": (
        "quickstudy.cli.data:data",
        "Show what is read of data: rows, classes or tasks, sizes, missing values, duplicates, the split, examples, and faults.",
    ),
    "doctor": (
        "quickstudy.cli.doctor:doctor",
        "Examine a run, a recipe, a saved learner or a data set; findings state what is wrong, how bad it is, and the remedy.",
    ),
    "cite": ("quickstudy.cli.citing:cite", "Print the BibTeX entry of quickstudy, or of a learner's paper."),
    "demo": (
        "quickstudy.cli.demonstrating:demo",
        "Meta-train, evaluate and compare learners on built-in data, and write a page about it: minutes on two cores.",
    ),
}
"""The function of each command, and the first sentence of its help."""


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
    """Runs the command line; exit status 0, 1 for what a user can fix, 2 for a defect of ours, 130 and 143 when stopped."""
    _catch_signals()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal cannot show
    call: Callable[..., Any] = app
    given: dict[str, Any] = {}
    try:
        if len(sys.argv) > 2 and sys.argv[1] in ("train", "tune") and ".py:" in sys.argv[2]:
            from quickstudy.cli.recipes import add_own

            add_own(sys.argv[1:])
        call, bound, _ = app.parse_args(sys.argv[1:], exit_on_error=False, print_error=False)
        given = dict(bound.arguments)
        call(*bound.args, **bound.kwargs)
    except CycloptsError as error:
        _fail(f"{_sentence(error)} Try: {shlex.join(['quickstudy', *_words(), '--help'])}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt as stop:
        number = stop.args[0] if stop.args else signal.SIGINT
        _tell("\n".join(["quickstudy: stopped", *getattr(stop, "__notes__", ())]))
        sys.exit(128 + number)
    except OSError as error:
        _fail_of(error, call, given, f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}.")
    except MemoryError as error:
        _fail_of(error, call, given, _MEMORY)
    except Exception as error:
        _fail_of(error, call, given, _MEMORY if "can't allocate memory" in str(error) else None)


_MEMORY = "there is not enough memory for this. Lower the sizes or counts that were given."


def _fail_of(error: Exception, call: Callable[..., Any], given: dict[str, Any], sentence: str | None) -> NoReturn:
    """A sentence on what a user can fix; anything else is a defect of ours."""
    from quickstudy.errors import UserError

    if isinstance(error, UserError):
        from quickstudy.cli.command import spelled

        _fail(error.worded(spelled(call, given)))
    if os.environ.get("QUICKSTUDY_DEBUG"):
        traceback.print_exception(error)
    if sentence is not None:
        _fail(sentence)
    name = type(error).__name__
    _tell(f"quickstudy: a defect of ours ({name}: {error}). Please report it; QUICKSTUDY_DEBUG=1 shows where.")
    sys.exit(2)


def _catch_signals() -> None:
    """Ctrl-C and SIGTERM (of a cluster or a container, say) stop a command in the same way, where nothing ignores them."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(number, stop)


def _tell(text: str) -> None:
    Console(stderr=True).print(text, markup=False, soft_wrap=True, highlight=False, emoji=False)


def _fail(text: str) -> NoReturn:
    _tell(f"quickstudy: {text}")
    sys.exit(1)


def _sentence(error: CycloptsError) -> str:
    """The parser's message on one line, with an end; of a wrong recipe's name, what it may have meant."""
    words = _words()
    if isinstance(error, UnknownCommandError) and words and words[0] in ("train", "tune"):
        from quickstudy.cli.recipes import no_recipe

        wrong = next((word for word in sys.argv[2:] if not word.startswith("-")), "")
        return no_recipe(wrong)
    text = " ".join(str(error).split())
    return text if text.endswith((".", "?")) else f"{text}."


def _words() -> list[str]:
    """The subcommands given, as far as there are such, for a hint that names the right help page."""
    commands: list[str] = []
    below = app
    for word in sys.argv[1:3]:
        if word.startswith("-") or word not in below:
            break
        commands.append(word)
        below = below[word]
    return commands
