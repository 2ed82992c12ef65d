"""``quickstudy watch``: a run while it is being trained, or afterwards; as a table, for TensorBoard, as a page."""

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.live import Live

from quickstudy.cli.command import command
from quickstudy.cli.console import out, say
from quickstudy.cli.screen import Screen
from quickstudy.monitoring.history import History, Log
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import LOG_TABLE, PAGE, check_output

if TYPE_CHECKING:
    from quickstudy.monitoring.board import Board
    from quickstudy.runs.run import Run

__all__ = ["watch"]

_Flag = Parameter(negative=())


@command
def watch(
    run: Path,
    /,
    *,
    once: Annotated[bool, _Flag] = False,
    every: float = 1.0,
    csv: Path | None = None,
    tensorboard: Annotated[bool, _Flag] = False,
    html: Path | None = None,
    force: Annotated[bool, _Flag] = False,
) -> None:
    """Watch a run live: loss, gradient norm, validation, and adaptation before and after inner steps.

    Any process may be training it, on this machine or into a shared folder. The view ends when the run does. With --csv,
    --tensorboard or --html nothing is shown, unless --once is given; the log, as far as it has come, is written elsewhere.

    Args:
        run: folder of the run.
        once: print the current state once and end; also the default if the output is not a terminal. With --csv, --tensorboard
            or --html it is printed beside what is written.
        every: seconds between updates.
        csv: write the log as a table (CSV) to this file: a row for each outer step.
        tensorboard: write the log for TensorBoard, into the run's folder: tensorboard --logdir RUN.
        html: write a page with the training's figures to this file.
        force: overwrite any existing file, but never a file of a run.
    """
    from quickstudy.runs.run import Run

    for path, kind, flag in ((csv, LOG_TABLE, "csv"), (html, PAGE, "html")):
        if path is not None:
            check_output(path, kind, argument=flag, force=force)
    found = Run(run)
    board = _board(run) if tensorboard else None
    if csv is not None:
        from quickstudy.monitoring.table import csv_text

        write_whole(csv, csv_text(found.history()).encode())
        say(f"table: {csv}")
    if board is not None:
        board.close()
        say(f"next:  tensorboard --logdir {run}")
    if html is not None:
        from quickstudy.plots.run_page import run_page

        run_page(found).write(html)
        say(f"page:  {html}")
    if once or (csv is None and not tensorboard and html is None):
        _show(found, once or not out.is_terminal, every)


def _board(run: Path) -> "Board":
    from quickstudy.monitoring.board import Board

    return Board(run)


def _show(run: "Run", once: bool, every: float) -> None:
    """Until the run is done, or once."""
    log, history, begun = Log(run.folder / "log.jsonl"), History(), 0

    def probe() -> Screen:
        nonlocal history, begun
        lines = log.read()
        if log.times_begun != begun:  # another process has taken the run up again, from its last saved step
            history, begun = History(), log.times_begun
        return _screen(run, history.add(lines))

    if once:
        out.print(probe())
        return
    with Live(probe(), console=out, auto_refresh=False, vertical_overflow="visible") as live:
        while True:
            screen = probe()
            live.update(screen, refresh=True)
            if screen.done:
                return
            time.sleep(max(every, 0.05))


def _screen(run: "Run", history: History) -> Screen:
    steps = _steps(run)
    old = bool(history.records) and not history.probes  # the log of a version that did not say when it was done
    path = run.folder / "log.jsonl"
    silent = time.time() - path.stat().st_mtime if path.exists() else 0.0
    return Screen(
        folder=os.fspath(run.folder),
        call=run.call,
        history=history,
        steps=steps,
        done=history.done or (old and steps is not None and history.step >= steps),
        silent=silent,
    )


def _steps(run: "Run") -> int | None:
    """How many outer steps the run is to take: as its folder says, or its arguments."""
    try:
        noted = json.loads((run.folder / "run.json").read_text()).get("steps")
    except (OSError, ValueError):
        noted = None
    found = noted or run.config["resolved"].get("steps")
    return found if isinstance(found, int) else None
