"""An application's numbers drawn: scores by the size of a task, and gains over baselines and controls."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from quickstudy.plots.style import MARKERS, PALETTE, TEXT, axes_in, blank
from quickstudy.reports.appraisal import Appraisal, Entry, Row
from quickstudy.reports.words import is_share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["gains_figure", "scores_figure"]


def scores_figure(rows: Sequence[Row]) -> "Figure":
    """Scores of the learner (thick), the controls (dotted) and the baselines over the sizes of tasks; bands are 95 % intervals.

    Args:
        rows: of different sizes.
    """
    names = list(dict.fromkeys(entry.report.model for row in rows for entry in row.entries))
    figure = blank(7.8, max(3.8, 0.6 + 0.26 * len(names)))
    axes = axes_in(figure, grid="y")
    metric = rows[0].learner.metric
    scale = 100 if is_share(metric) else 1
    for number, name in enumerate(names):
        known = sorted(((r.size, e) for r in rows for e in r.entries if e.report.model == name), key=lambda pair: pair[0])
        colour, role = PALETTE[number % len(PALETTE)], known[0][1].role
        x, means = [size for size, _ in known], [scale * entry.report.mean for _, entry in known]
        low, high = zip(*[[scale * bound for bound in _finite(entry)] for _, entry in known], strict=True)
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        style, width = (":" if role == "control" else "-"), (2.8 if role == "learner" else 1.3)
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(x, means, style, color=colour, marker=marker, markersize=5, linewidth=width, label=name)
    sizes = sorted({row.size for row in rows})
    if min(sizes) > 0:
        axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("size of a task", color=TEXT)
    axes.set_ylabel(f"{metric}{', %' if scale == 100 else ''}", color=TEXT)
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def gains_figure(found: Appraisal) -> "Figure":
    """The learner's gain over each baseline (dots) and control (rings), with 95 % intervals; 0 is no gain.

    Args:
        found: the table.
    """
    lines = [(row, entry) for row in found.rows for entry in row.entries if entry.role != "learner"]
    figure = blank(7.8, 0.9 + 0.24 * len(lines))
    axes = axes_in(figure, grid="x")
    metric = found.rows[0].learner.metric
    scale = 100 if is_share(metric) else 1
    for place, (row, entry) in enumerate(reversed(lines)):
        gain, bounds = row.gain(entry)
        low, high = (bound if math.isfinite(bound) else gain for bound in bounds)
        control = entry.role == "control"
        colour = PALETTE[1] if control else PALETTE[0]
        axes.plot([scale * low, scale * high], [place, place], color=colour, linewidth=3, alpha=0.45, solid_capstyle="butt")
        axes.plot([scale * gain], [place], "o", color=colour, markerfacecolor="none" if control else colour, markersize=5)
    axes.axvline(0, color=TEXT, linewidth=1)
    axes.set_yticks(range(len(lines)), [f"{row.name}: {e.report.model}" for row, e in reversed(lines)], color=TEXT, fontsize=8)
    axes.set_ylim(-0.6, len(lines) - 0.4)
    axes.set_xlabel(f"gain in {metric}{', points' if scale == 100 else ''} (right: the learner is better)", color=TEXT)
    return figure


def _finite(entry: Entry) -> tuple[float, float]:
    low, high = entry.report.interval
    return (low, high) if math.isfinite(low) else (entry.report.mean, entry.report.mean)
