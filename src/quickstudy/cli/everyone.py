"""``quickstudy compare --all DATA``: every classification learner under one equal budget."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from quickstudy.cli.console import err, out, print_json, progress, say
from quickstudy.errors import UserError
from quickstudy.reports.words import plus_minus
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import FIGURE, check_folder, json_of
from quickstudy.storage.own_code import trusting

__all__ = ["compare_all"]

_FILES = (
    ("comparison.json", json_of("comparison", "settings", "learners")),
    ("accuracy-adaptation.png", FIGURE),
    ("accuracy-training.png", FIGURE),
)


def compare_all(
    data: str,
    folder: Path,
    *,
    only: Sequence[str] | None,
    sizes: Mapping[str, int],
    tasks: int,
    seed: int,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Trains and evaluates all contenders that are not in ``folder`` yet; then prints, writes and draws the results."""
    from quickstudy.runs.contenders import Budget
    from quickstudy.runs.equal_budget import chosen, compete, settings_of, summary

    check_folder(folder, argument="out", files=_FILES)
    contenders = chosen(only)
    with trusting():  # what is named here and now
        budget = Budget(data, sizes)
        budget.problem  # noqa: B018  all that could be wrong with the data, before the first learner
    standings, failed = [], []
    with progress() as bar:
        waiting = iter([*contenders])
        task = bar.add_task(next(waiting), total=len(contenders))
        for name, found, new in compete(folder, contenders, budget, tasks=tasks, seed=seed, jobs=jobs):
            if isinstance(found, UserError):
                failed.append(f"{name}: {found}")
                bar.console.print(f"{name} fell out: {found}", markup=False, highlight=False)
            else:
                standings.append(found)
                setting = f"trained in {found.training_seconds:.0f} s" if new else "known"
                bar.console.print(f"{name}: {found.report.mean:.2%} ({setting})", markup=False, highlight=False)
            bar.update(task, advance=1, description=next(waiting, ""))
    if not standings:
        err.print("no learner could be trained", highlight=False)
        return
    told = summary(standings, settings_of(budget, tasks, seed)) | {"failed": failed}
    write_whole(folder / "comparison.json", json.dumps(told, indent=1).encode())
    _draw(told, folder)
    if as_json:
        print_json(told)
        return
    out.print(_table(told))
    for sentence in _not_told_apart(told["learners"]):
        say(sentence)
    say(f"Meta-training: {budget.tasks:,} tasks ({budget.examples:,} examples). Meta-test: {tasks:,} tasks, the same for all.")
    say("difference: to the first learner, paired, in points. ms and peak: to adapt to one task. (T): transductive.")
    say(f"{folder}/comparison.json holds all numbers, accuracy-adaptation.png and accuracy-training.png show them.")


def _table(found: Mapping[str, Any]) -> Table:
    head = ("accuracy, %", "difference", "ms", "state, kB", "peak, kB", "training, s")
    table = Table(title=found["settings"]["source"], title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("learner", no_wrap=True)
    for name in head:
        table.add_column(name, justify="right")
    for row in found["learners"]:
        table.add_row(
            row["name"] + (" (T)" if row["transductive"] else ""),
            plus_minus(row["accuracy"], row["interval"], "accuracy", digits=1).removesuffix(" %"),
            _points(row["behind"], row["behind_interval"], "{:+.1f} ± {:.1f}") if row["behind_interval"][0] else "",
            f"{1e3 * row['seconds']:.1f}",
            f"{row['state_bytes'] / 1e3:,.1f}",
            f"{row['peak_bytes'] / 1e3:,.0f}",
            f"{row['training_seconds']:.0f}",
        )
    return table


def _not_told_apart(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each world, who cannot be told apart from the first in the table."""
    first = rows[0]
    found = []
    for world, told in rows[-1]["worlds"].items() if len(rows) > 1 else ():
        near = [row["name"] for row in rows[1:] if row["worlds"][world]["better"] is None]
        names = ", ".join(near) or "none"
        found.append(f"For {told['holds_for']}, not told apart from {first['name']} (p ≥ 0.05, not corrected): {names}.")
    return [*found, "± are 95 % intervals for other tasks of the same classes."]


def _points(mean: float, interval: Sequence[float], words: str) -> str:
    return words.format(100 * mean, 100 * (interval[1] - mean))


def _draw(found: Mapping[str, Any], folder: Path) -> None:
    from quickstudy.plots.costs import Cost, accuracy_against_cost
    from quickstudy.plots.style import write_figure

    for name, key, scale, axis in (
        ("adaptation", "seconds", 1e3, "milliseconds to adapt to one task"),
        ("training", "training_seconds", 1.0, "seconds of meta-training"),
    ):
        points = [
            Cost(row["name"], row["family"], row["accuracy"], (row["interval"][0], row["interval"][1]), scale * row[key])
            for row in found["learners"]
        ]
        write_figure(accuracy_against_cost(points, axis), folder / f"accuracy-{name}.png")
