"""Shared by all commands: where they write, tables, progress bars."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from quickstudy.reports.report import Report

__all__ = ["err", "out", "print_json", "progress", "say", "table"]

# names of classes and files may hold [brackets] and :colons:, which are printed as they are
out = Console(markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)


def say(text: str) -> None:
    """Plain words, paths and numbers as they are."""
    out.print(text, highlight=False, soft_wrap=True)


def print_json(found: Any) -> None:
    """JSON for other programs, not coloured, not wrapped."""
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def table(reports: list[Report]) -> Table:
    """Reports as rows."""
    rows = [report.row() for report in reports]
    notes = " ".join(dict.fromkeys(report.note for report in reports))
    head = dict.fromkeys(key for row in rows for key in row)
    found = Table(*head, title=escape(reports[0].source), title_justify="left", caption=escape(notes), caption_justify="left")
    for row in rows:
        found.add_row(*[row.get(str(column.header), "") for column in found.columns])
    return found


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress bar on the error stream, gone when the work is done."""
    columns = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=err, transient=True) as bar:
        yield bar
