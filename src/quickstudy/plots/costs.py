"""Accuracy against cost: which learner gives how much for what."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quickstudy.plots.style import MARKERS, PALETTE, TEXT, axes_in, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Cost", "accuracy_against_cost"]

_PLACES = [(7, 0, "left"), (-7, 0, "right"), (0, 9, "center"), (0, -9, "center")]
_PLACES += [(6, 8, "left"), (6, -8, "left"), (-6, 8, "right"), (-6, -8, "right")]
_PLACES += [(8, 17, "left"), (8, -17, "left"), (-8, 17, "right"), (-8, -17, "right"), (0, 20, "center"), (0, -20, "center")]
"""Positions of a name beside its dot, in points, the best first."""

_TICKS = (1, 2, 5, 10, 20, 30, 50, 70, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)


class Cost(NamedTuple):
    """One learner: its name and family, accuracy with interval (fractions), and what it cost."""

    name: str
    family: str
    accuracy: float
    interval: tuple[float, float]
    cost: float


def accuracy_against_cost(found: Sequence[Cost], axis: str) -> "Figure":
    """A dot for each learner, cost on a logarithmic axis, a colour for each family; good and cheap is up and to the left.

    Accuracies are drawn on a logit axis, on which 90 % and 95 % are as far apart as 80 % and 90 %: errors are halved.

    Learners on the frontier, which none beats in accuracy at the same cost or less, are joined by a line.

    Args:
        found: the learners; those of no cost at all are left out.
        axis: what the cost is, with its unit.
    """
    shown = sorted((c for c in found if c.cost > 0), key=lambda c: (c.cost, -c.accuracy))
    families = list(dict.fromkeys(c.family for c in found))
    figure = blank(8.4, 6.0)
    axes = axes_in(figure, grid="both")
    for number, family in enumerate(families):
        mine = [c for c in shown if c.family == family]
        axes.errorbar(
            [c.cost for c in mine],
            [100 * c.accuracy for c in mine],
            yerr=[[100 * (c.accuracy - c.interval[0]) for c in mine], [100 * (c.interval[1] - c.accuracy) for c in mine]],
            fmt=MARKERS[number % len(MARKERS)],
            color=PALETTE[number % len(PALETTE)],
            markersize=6,
            linewidth=1,
            alpha=0.85,
            label=family,
        )
    edge = _frontier(shown)
    axes.plot([c.cost for c in edge], [100 * c.accuracy for c in edge], color=TEXT, linewidth=0.8, alpha=0.4, zorder=0)
    axes.set_xscale("log")
    axes.set_yscale("function", functions=(_logit, _percent))
    axes.margins(x=0.14, y=0.06)
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in _TICKS if low <= tick <= high])
    axes.minorticks_off()
    axes.set_xlabel(axis, color=TEXT)
    axes.set_ylabel("accuracy, %: mean, 95 % interval for the same classes", color=TEXT)
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=9, loc="lower center", ncols=len(families), bbox_to_anchor=(0.5, 1.0))
    figure.draw_without_rendering()
    _name(axes, shown, [PALETTE[families.index(c.family) % len(PALETTE)] for c in shown])
    return figure


def _logit(percent: NDArray[np.float64]) -> NDArray[np.float64]:
    share = np.clip(percent / 100, 1e-3, 1 - 1e-3)
    return np.log(share / (1 - share))


def _percent(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return 100 / (1 + np.exp(-logit))


def _frontier(by_cost: Sequence[Cost]) -> list[Cost]:
    best, edge = -math.inf, []
    for cost in by_cost:
        if cost.accuracy > best:
            best = cost.accuracy
            edge.append(cost)
    return edge


def _name(axes: "Axes", shown: Sequence[Cost], colours: Sequence[str]) -> None:
    """Each name beside its dot, at the first place where it covers neither a dot nor another name, else the least covered."""
    places = [axes.transData.transform((c.cost, 100 * c.accuracy)) for c in shown]
    points = [(float(x), float(y)) for x, y in places]
    scale = axes.figure.dpi / 72
    taken = [(x - 4 * scale, y - 4 * scale, x + 4 * scale, y + 4 * scale) for x, y in points]
    frame = axes.get_window_extent()
    for cost, (x, y), colour in zip(shown, points, colours, strict=True):
        width, height = 4.6 * scale * len(cost.name), 9 * scale

        def box(
            place: tuple[int, int, str], x: float = x, y: float = y, w: float = width, h: float = height
        ) -> tuple[float, float, float, float]:
            dx, dy, side = place[0] * scale, place[1] * scale, place[2]
            left = x + dx - {"left": 0.0, "right": w, "center": w / 2}[side]
            return (left, y + dy - h / 2, left + w, y + dy + h / 2)

        def crowded(place: tuple[int, int, str]) -> float:
            found = box(place)
            outside = max(0.0, found[2] - float(frame.x1)) + max(0.0, float(frame.x0) - found[0])
            return sum(_overlap(found, other) for other in taken) + 100 * outside

        best = min(_PLACES, key=crowded)
        taken.append(box(best))
        axes.annotate(
            cost.name,
            (cost.cost, 100 * cost.accuracy),
            best[:2],
            textcoords="offset points",
            ha=best[2],
            va="center",
            color=colour,
            fontsize=8,
        )


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
