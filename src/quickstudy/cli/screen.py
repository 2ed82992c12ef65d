"""The screen of ``quickstudy watch``: progress, curves, and adaptation on meta-training and meta-validation tasks."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from quickstudy.cli.bars import bars, on_log_scale
from quickstudy.monitoring.curve import AdaptationCurve
from quickstudy.monitoring.history import History
from quickstudy.monitoring.probe import Probe

__all__ = ["Screen"]

_COLOURS = {"meta-train": "cyan", "meta-validation": "magenta"}
_LATEST = 100
_BESIDE = 50
"""Columns beside a curve: its name, and where it stands."""
_SILENT = 60.0


@dataclass(frozen=True)
class Screen:
    """The state of a run on one screen, as wide as the terminal.

    Args:
        folder: of the run, as the user wrote it.
        call: the run's call, in words.
        history: its log.
        steps: outer steps that it is to take, if known.
        done: whether it has ended.
        silent: seconds since the log grew.
    """

    folder: str
    call: str
    history: History
    steps: int | None
    done: bool
    silent: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text.assemble((self.folder, "bold"), "  ", self.call)
        if not self.history.records and not self.history.probes:
            yield Text("no step yet")
            return
        yield self._progress()
        yield self._curves(min(max(options.max_width - _BESIDE, 12), 100), options.ascii_only)
        if self.history.probes:
            yield Group(*_levels(self.history.probes[-1], options.max_width), *_sizes(self.history.probes[-1]))

    def _progress(self) -> Group:
        """The progress of the run, its speed, and the time left."""
        step, latest = self.history.step, self.history.records[-_LATEST:]
        words = f"step {step:,}" + (f" of {self.steps:,}" if self.steps else "")
        if latest:
            each = statistics.median(record.seconds for record in latest)
            words += f", {1 / each:.3g} steps/s" if each else ""
            if self.done:
                words += f", ended after {_time(self.history.seconds)} in outer steps"
            elif self.steps:
                words += f", {_time(each * (self.steps - step))} left, validation not counted"
        parts: list[Text | ProgressBar] = [Text(words)]
        if self.steps and not self.done:
            parts.append(ProgressBar(total=self.steps, completed=step, width=60))
        if not self.done and self.silent > max(_SILENT, 20 * (latest[-1].seconds if latest else 0)):
            parts.append(
                Text(f"nothing new for {_time(self.silent)}; if its process has ended: quickstudy resume {self.folder}", "yellow")
            )
        return Group(*parts)

    def _curves(self, width: int, ascii_only: bool) -> Table:
        """Loss, gradient norm, validation and adapted scores over the run."""
        found, probes = self.history, self.history.probes
        table = Table.grid(padding=(0, 2))

        def add(name: str, values: Sequence[float], height: int, style: str = "", note: str = "") -> None:
            if values:
                curve = "\n".join(bars(values, width, height, ascii_only=ascii_only))
                table.add_row(name, Text(curve, style, no_wrap=True), Text(note or _range(values), no_wrap=True))

        add("loss", [record.loss for record in found.records], 4)
        add("gradient norm", [record.gradient_norm for record in found.records], 2)
        best = found.best
        scores = [validated.score for validated in found.validations]
        noted = f"{scores[-1]:.4g} now, best {best.score:.4g} at {best.step:,}" if best else ""
        add("validation", scores, 2, "green", noted)
        for level, style in _COLOURS.items():
            curves = [probe.levels[level] for probe in probes if level in probe.levels]
            add(level, [curve.adapted for curve in curves], 1, style)
        gaps = [probe.gap for probe in probes if probe.gap is not None]
        add("gap", gaps, 1, "yellow")
        return table


def _range(values: Sequence[float]) -> str:
    finite = [value for value in values if math.isfinite(value)] or [math.nan]
    scale = " (log)" if on_log_scale(finite) else ""
    return f"{values[-1]:.4g} now, {min(finite):.3g} to {max(finite):.3g}{scale}"


def _levels(probe: Probe, width: int) -> list[Table | Text]:
    """Scores before adaptation and after inner steps, on meta-training and meta-validation tasks."""
    if not probe.levels:
        return [Text(f"no look at adaptation: {probe.trouble}", "yellow")] if probe.trouble else []
    first = next(iter(probe.levels.values()))
    shown = _fitting(first.steps, max(2, (width - 25) // 16))
    title = Text(f"query {probe.metric} by inner step at outer step {probe.step:,}, {first.tasks} tasks a level", "italic")
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for n in shown:
        table.add_column(_named(n, first.steps), justify="right")
    for level, curve in probe.levels.items():
        table.add_row(Text(level, _COLOURS[level]), *[_cell(curve, curve.steps.index(n)) for n in shown if n in curve.steps])
    norms = {level: curve.gradient_norms for level, curve in probe.levels.items()}
    for level, values in norms.items():
        if any(map(math.isfinite, values)):
            cells = [f"{values[first.steps.index(n)]:.3g}" if n else "" for n in shown]
            table.add_row(Text(f"{level}, gradient", "dim"), *[Text(cell, "dim") for cell in cells])
    return [title, table, *_gap(probe)]


def _gap(probe: Probe) -> list[Table | Text]:
    if probe.gap is None or probe.gap_half is None:
        return []
    words = f"gap: meta-training tasks are answered {'better' if probe.gap > 0 else 'worse'} by {abs(probe.gap):.3g}"
    return [Text(f"{words} ± {probe.gap_half:.2g} (95 %)")]


def _cell(curve: AdaptationCurve, place: int) -> str:
    half = curve.halves[place]
    return f"{curve.scores[place]:.4g}" + (f" ± {half:.2g}" if math.isfinite(half) else "")


def _named(step: int, steps: Sequence[int]) -> str:
    if len(steps) == 1:
        return "adapted"
    return f"after {step}" if step else "before"


def _fitting(steps: Sequence[int], most: int) -> list[int]:
    """As many as fit, the first and the last among them."""
    if len(steps) <= most:
        return list(steps)
    return [steps[round(n * (len(steps) - 1) / (most - 1))] for n in range(most)]


def _sizes(probe: Probe) -> list[Table]:
    """The learned step sizes, tensor by tensor."""
    if not probe.step_sizes:
        return []
    table = Table(title="learned inner step sizes", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("", "smallest", "mean", "largest"):
        table.add_column(name, justify="right" if name else "left")
    for name, sizes in list(probe.step_sizes.items())[:8]:
        table.add_row(name, *[f"{size:.4g}" for size in sizes])
    if len(probe.step_sizes) > 8:
        table.add_row(f"and {len(probe.step_sizes) - 8} more", "", "", "")
    return [table]


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
