"""A run's meta-training drawn: loss and gradient norm, validation, adaptation by inner step, step sizes."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from quickstudy.monitoring.curve import AdaptationCurve
from quickstudy.monitoring.history import History
from quickstudy.monitoring.probe import Probe
from quickstudy.plots.style import MARKERS, PALETTE, TEXT, axes_in, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from quickstudy.reports.words import is_share

__all__ = ["adaptation_figure", "progress_figure", "step_size_figure", "validation_figure"]

_COLUMNS = 150
"""Points in a curve of outer steps: each the mean of its steps, with their smallest and largest as a band."""

_LEVELS = {"meta-train": (PALETTE[0], MARKERS[0]), "meta-validation": (PALETTE[1], MARKERS[1])}


def progress_figure(history: History) -> "Figure":
    """The objective of the outer steps, and below it the norm of their gradients before clipping.

    Thick lines are means of neighbouring steps, bands reach from their smallest to their largest value.
    """
    figure = blank(6.4, 4.6)
    upper = axes_in(figure, grid="y", place=(2, 1, 1))
    lower = axes_in(figure, grid="y", place=(2, 1, 2), sharex=upper)
    at = [record.step for record in history.records]
    for axes, name, colour, values in (
        (upper, "objective", PALETTE[0], [record.loss for record in history.records]),
        (lower, "gradient norm", PALETTE[2], [record.gradient_norm for record in history.records]),
    ):
        _binned(axes, at, values, colour)
        axes.set_ylabel(name, color=TEXT)
        if values and min(values) > 0 and max(values) > 10 * min(values):
            axes.set_yscale("log")
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("outer step", color=TEXT)
    return figure


def validation_figure(history: History) -> "Figure":
    """Validations over the outer steps, the best one ringed, and scores after adaptation on the probed tasks.

    Bands are 95 % intervals over the tasks of each probe, which are the same ones every time: their noise is common to all.
    """
    figure = blank(6.4, 3.6)
    axes = axes_in(figure, grid="y")
    metric, scale = _metric(history)
    for level, (colour, marker) in _LEVELS.items():
        found = [(probe.step, probe.levels[level]) for probe in history.probes if level in probe.levels]
        if found:
            steps, curves = zip(*found, strict=True)
            label = f"{level}, {curves[0].tasks} tasks probed"
            _banded(axes, steps, [c.adapted for c in curves], [c.halves[-1] for c in curves], scale, colour, marker, label)
    if history.validations:
        at, scores = [v.step for v in history.validations], [scale * v.score for v in history.validations]
        axes.plot(at, scores, color=PALETTE[2], marker=MARKERS[2], markersize=5, linewidth=1.8, label="validation, all its tasks")
    if history.best is not None:
        at_best = [history.best.step], [scale * history.best.score]
        axes.plot(*at_best, "o", markersize=12, markerfacecolor="none", markeredgecolor=TEXT, label="best validation")
    axes.set_ylabel(f"{metric} after adaptation", color=TEXT)
    axes.set_xlabel("outer step", color=TEXT)
    _legend(axes)
    return figure


def adaptation_figure(probes: Sequence[Probe]) -> "Figure | None":
    """Query scores against inner steps on meta-training and meta-validation tasks: at the first probe (dashed) and at the last.

    Bands are 95 % intervals over tasks. None where there are no inner steps.

    Args:
        probes: of a run, in order.
    """
    shown = [probe for probe in probes if any(len(curve.steps) > 1 for curve in probe.levels.values())]
    if not shown:
        return None
    figure = blank(6.4, 3.6)
    axes = axes_in(figure, grid="y")
    scale, unit = (100, ", %") if is_share(shown[0].metric) else (1, "")
    for probe, line in ((shown[0], "--"), (shown[-1], "-"))[0 if len(shown) > 1 else 1 :]:
        for level, curve in probe.levels.items():
            colour, marker = _LEVELS[level]
            label = f"{level}, outer step {probe.step:,}"
            _banded(axes, curve.steps, curve.scores, curve.halves, scale, colour, marker, label, line)
    steps = _longest(shown[-1]).steps
    if len(steps) > 1 and steps[-1] > 10:
        axes.set_xscale("symlog", linthresh=1)
    axes.set_xticks(steps, [str(n) for n in steps])
    axes.minorticks_off()
    axes.set_xlabel("inner steps", color=TEXT)
    axes.set_ylabel(f"query {shown[0].metric}{unit}, {_longest(shown[-1]).tasks} tasks", color=TEXT)
    _legend(axes)
    return figure


def step_size_figure(probes: Sequence[Probe]) -> "Figure | None":
    """Learned inner step sizes over the outer steps: the mean of each tensor or inner step; bands reach to the extremes.

    The first eight by name; None where none are learned.

    Args:
        probes: of a run, in order.
    """
    found = [probe for probe in probes if probe.step_sizes]
    if not found:
        return None
    figure = blank(6.4, 3.6)
    axes = axes_in(figure, grid="y")
    for number, name in enumerate(list(found[-1].step_sizes)[: len(PALETTE)]):
        at = [probe.step for probe in found if name in probe.step_sizes]
        lows, means, highs = zip(*[probe.step_sizes[name] for probe in found if name in probe.step_sizes], strict=True)
        axes.fill_between(at, lows, highs, color=PALETTE[number], alpha=0.12, linewidth=0)
        axes.plot(at, means, color=PALETTE[number], marker=MARKERS[number], markersize=4, linewidth=1.6, label=name)
    axes.set_xlabel("outer step", color=TEXT)
    axes.set_ylabel("learned inner step size", color=TEXT)
    _legend(axes)
    return figure


def _metric(history: History) -> tuple[str, int]:
    """Its name with its unit, and the factor to it."""
    name = history.probes[-1].metric if history.probes else "score"
    return (f"{name}, %", 100) if is_share(name) else (name, 1)


def _longest(probe: Probe) -> AdaptationCurve:
    return max(probe.levels.values(), key=lambda curve: len(curve.steps))


def _binned(axes: "Axes", at: Sequence[int], values: Sequence[float], colour: str) -> None:
    count = max(1, min(_COLUMNS, len(values)))
    cuts = [round(n * len(values) / count) for n in range(count + 1)]
    parts = [(low, high) for low, high in pairwise(cuts) if high > low]
    middle = [at[(low + high - 1) // 2] for low, high in parts]
    axes.fill_between(
        middle,
        [min(values[low:high]) for low, high in parts],
        [max(values[low:high]) for low, high in parts],
        color=colour,
        alpha=0.2,
        linewidth=0,
    )
    axes.plot(middle, [math.fsum(values[low:high]) / (high - low) for low, high in parts], color=colour, linewidth=1.5)


def _banded(
    axes: "Axes",
    at: Sequence[int],
    means: Sequence[float],
    halves: Sequence[float],
    scale: int,
    colour: str,
    marker: str,
    label: str,
    line: str = "-",
) -> None:
    low = [scale * (mean - half) for mean, half in zip(means, halves, strict=True)]
    high = [scale * (mean + half) for mean, half in zip(means, halves, strict=True)]
    faint = line != "-"
    if not faint:
        axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(
        at,
        [scale * mean for mean in means],
        color=colour,
        linestyle=line,
        marker=marker,
        markersize=5,
        linewidth=1.2 if faint else 1.8,
        label=label,
    )


def _legend(axes: "Axes") -> None:
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=9)
