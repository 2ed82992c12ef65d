"""Numbers drawn: means with intervals, scores against shots, meta-training."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from quickstudy.plots.style import MARKERS, PALETTE, TEXT, axes_in, blank, count_words, scale_of
from quickstudy.reports.report import Report
from quickstudy.train import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from quickstudy.reports.words import is_share

__all__ = ["accuracy_against_shots", "accuracy_against_ways", "intervals", "training_curve"]


def intervals(reports: Sequence[Report]) -> "Figure":
    """Means as dots with their 95 % intervals over tasks, which hold for the same classes, the best on top.

    Args:
        reports: of one metric.
    """
    better = reports[0].higher_is_better
    ranked = sorted(reports, key=lambda report: report.mean if better else -report.mean)
    figure = blank(6.4, 0.75 + 0.42 * len(ranked))
    axes = axes_in(figure, grid="x")
    scale, unit = scale_of(reports[0])
    for place, report in enumerate(ranked):
        low, high = _bounds(report)
        axes.plot([low, high], [place, place], color=PALETTE[0], linewidth=3, alpha=0.45, solid_capstyle="butt")
        axes.plot([scale * report.mean], [place], "o", color=PALETTE[0], markersize=6)
        label = f"{scale * report.mean:.1f}" if scale != 1 else f"{report.mean:.3g}"
        axes.annotate(
            label, (scale * report.mean, place), (0, 6), textcoords="offset points", ha="center", color=TEXT, fontsize=9
        )
    names = [f"{r.model} ({len(r.scores):,} tasks)" for r in ranked]
    axes.set_yticks(range(len(ranked)), names, color=TEXT, fontsize=10)
    axes.set_ylim(-0.5, len(ranked) - 0.3)
    worlds = " / ".join(dict.fromkeys(report.for_world(next(iter(report.intervals))) for report in reports))
    axes.set_xlabel(f"{reports[0].metric}{unit}: mean, 95 % interval for {worlds}", color=TEXT)
    return figure


def accuracy_against_shots(curves: Mapping[str, Mapping[int, Report]]) -> "Figure":
    """How the score grows with the number of support examples; bands are 95 % intervals over tasks, for the same classes.

    Args:
        curves: for each learner's name, a report for each number of shots.
    """
    return _curves(curves, "shots (support examples of each class)")


def accuracy_against_ways(curves: Mapping[str, Mapping[int, Report]]) -> "Figure":
    """How the score falls with the number of classes, above what guessing gives (dashed); bands are 95 % intervals over tasks.

    Args:
        curves: for each learner's name, a report for each number of ways.
    """
    figure = _curves(curves, "ways (classes in a task)")
    ways = sorted({n for curve in curves.values() for n in curve})
    first = next(iter(next(iter(curves.values())).values()))
    if is_share(first.metric):
        figure.axes[0].plot(ways, [100 / n for n in ways], color=TEXT, linewidth=1, linestyle="--", alpha=0.6)
    return figure


def _curves(curves: Mapping[str, Mapping[int, Report]], axis: str) -> "Figure":
    figure = blank(6.4, 4.0)
    axes = axes_in(figure, grid="y")
    first = next(iter(next(iter(curves.values())).values()))
    scale, unit = scale_of(first)
    ends = []
    for number, (name, curve) in enumerate(curves.items()):
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        shots = sorted(curve)
        means = [scale * curve[k].mean for k in shots]
        low, high = zip(*[_bounds(curve[k]) for k in shots], strict=True)
        axes.fill_between(shots, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(shots, means, color=colour, marker=marker, markersize=6, linewidth=1.8)
        ends.append((means[-1], name, colour, shots[-1]))
    every = sorted({k for curve in curves.values() for k in curve})
    axes.set_xscale("log")
    axes.set_xticks(every, [str(k) for k in every])
    axes.minorticks_off()
    counts = sorted({len(report.scores) for curve in curves.values() for report in curve.values()})
    axes.set_xlabel(axis, color=TEXT)
    axes.set_ylabel(f"{first.metric}{unit}, {count_words(counts)} tasks a point", color=TEXT)
    _label_ends(axes, ends)
    return figure


def training_curve(records: Mapping[str, Sequence[Record]], validations: Mapping[str, Sequence[tuple[int, Report]]]) -> "Figure":
    """The objective of each outer step (thin: each step; thick: a running mean), and the validations below.

    Args:
        records: what `quickstudy.train` gave, by learner.
        validations: step and report of each validation, by learner.
    """
    shown = {name: found for name, found in validations.items() if found}
    figure = blank(6.4, 4.6 if shown else 2.8)
    upper = axes_in(figure, grid="y", place=(2 if shown else 1, 1, 1))
    for number, (name, steps) in enumerate(records.items()):
        colour = PALETTE[number % len(PALETTE)]
        at, losses = [r.step for r in steps], [r.loss for r in steps]
        upper.plot(at, losses, color=colour, linewidth=0.6, alpha=0.35)
        upper.plot(at, _running(losses), color=colour, linewidth=1.8, label=name)
    upper.set_ylabel("objective", color=TEXT)
    upper.legend(frameon=False, labelcolor=TEXT, fontsize=9, ncols=2)
    lower = upper
    if shown:
        lower = axes_in(figure, grid="y", place=(2, 1, 2), sharex=upper)
        for name, found in shown.items():
            number = list(records).index(name)
            _validations(lower, found, PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)])
        first = next(iter(shown.values()))[0][1]
        counts = sorted({len(report.scores) for found in shown.values() for _, report in found})
        lower.set_ylabel(f"validation {first.metric}{scale_of(first)[1]},\n{count_words(counts)} tasks", color=TEXT)
    lower.set_xlabel("outer step", color=TEXT)
    return figure


def _bounds(report: Report) -> tuple[float, float]:
    """The interval as drawn; a single task has none, and then it is the mean twice."""
    scale, _ = scale_of(report)
    low, high = report.interval if len(report.scores) > 1 else (report.mean, report.mean)
    return scale * low, scale * high


def _validations(axes: "Axes", found: Sequence[tuple[int, Report]], colour: str, marker: str) -> None:
    scale, _ = scale_of(found[0][1])
    at, means = [step for step, _ in found], [scale * report.mean for _, report in found]
    bounds = [_bounds(report) for _, report in found]
    arms = [[mean - low for mean, (low, _) in zip(means, bounds, strict=True)]]
    arms.append([high - mean for mean, (_, high) in zip(means, bounds, strict=True)])
    axes.errorbar(at, means, yerr=arms, color=colour, marker=marker, markersize=5, linewidth=1.5, capsize=2)


def _label_ends(axes: "Axes", ends: list[tuple[float, str, str, int]]) -> None:
    """Names at the ends of their lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap, last = 0.06 * (high - low), -math.inf
    for value, name, colour, x in sorted(ends):
        last = max(value, last + gap)
        axes.annotate(name, (x, last), (9, 0), textcoords="offset points", color=colour, va="center", fontsize=10)


def _running(values: Sequence[float], width: int = 25) -> list[float]:
    """Means over the last ``width`` values."""
    sums = np.cumsum([0.0, *values])
    starts = [max(0, i + 1 - width) for i in range(len(values))]
    return [float((sums[i + 1] - sums[low]) / (i + 1 - low)) for i, low in enumerate(starts)]
