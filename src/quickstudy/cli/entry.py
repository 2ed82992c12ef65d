"""The command line: ``quickstudy list | train | resume | watch | evaluate | compare | adapt | predict | doctor | cite | …``."""

import os
import re
import sys
import traceback

from cyclopts import App, CycloptsError

from quickstudy.apps.demo import demo
from quickstudy.artefact import versions
from quickstudy.cli.comparing import compare
from quickstudy.cli.console import err
from quickstudy.cli.doctor import doctor
from quickstudy.cli.judging import evaluate
from quickstudy.cli.showing import cite, list_
from quickstudy.cli.training import resume, train_command
from quickstudy.cli.tuning import tune_command
from quickstudy.cli.using import adapt, predict
from quickstudy.cli.watching import watch
from quickstudy.errors import UserError
from quickstudy.run import recipe_functions

__all__ = ["app", "main"]

app = App(
    name="quickstudy",
    help="Learn from many small tasks how to learn the next one from a handful of examples.",
    version=versions()["quickstudy"],
)
_train = App(name="train", help="Meta-train a recipe into a run folder; the same command again goes on where it stopped.")
_tune = App(name="tune", help="Search for the arguments of a recipe by meta-validation; the same command again goes on.")
for _name, _recipe in recipe_functions().items():
    _train.command(train_command(_name, _recipe), name=_name)
    _tune.command(tune_command(_name, _recipe), name=_name)
app.command(_train)
app.command(_tune)
app.command(list_, name="list")
for _command in (resume, watch, evaluate, compare, adapt, predict, doctor, cite, demo):
    app.command(_command)


def main() -> None:
    """Runs the command line; exit status 0, 1 for what a person can mend, 2 for a defect of ours."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _fail(f"{error} Try: quickstudy {' '.join(_words())} --help")
    except UserError as error:
        _fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        err.print("stopped; a training run goes on with: quickstudy resume RUN")
        sys.exit(130)
    except Exception:
        if os.environ.get("QUICKSTUDY_DEBUG"):
            traceback.print_exc()
        kind, value, _ = sys.exc_info()
        name = kind.__name__ if kind else "error"
        err.print(
            f"quickstudy: a defect of ours ({name}: {value}). Please report it; QUICKSTUDY_DEBUG=1 shows where.", markup=False
        )
        sys.exit(2)


def _fail(text: str) -> None:
    err.print(f"quickstudy: {text}", markup=False, soft_wrap=True, highlight=False)
    sys.exit(1)


def _words() -> list[str]:
    """The subcommands given, for a hint that names the right help page."""
    commands = []
    for word in sys.argv[1:3]:
        if not re.fullmatch(r"[a-z][a-z_-]*", word):
            break
        commands.append(word)
    return commands
