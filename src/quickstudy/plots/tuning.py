"""A search over a recipe's arguments drawn: trials one after another, where good values lie, and which argument mattered."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank
from quickstudy.reports.tuned import Trial, Tuned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from quickstudy.reports.words import is_share

__all__ = ["argument_importances", "argument_slices", "trial_history"]

_FAR = 30.0
"""Errors that differ by more than this factor are drawn on a logarithmic axis."""


def trial_history(tuned: Tuned) -> "Figure":
    """The score of each trial, the best so far as a line, the recipe's own arguments as trial 0.

    Trials that were stopped are hollow, at their best validation until then; those that failed are crosses at the edge.

    Args:
        tuned: what a search found.
    """
    from matplotlib.ticker import MaxNLocator

    figure = blank(7.2, 3.8)
    axes = axes_in(figure, grid="y")
    scale = _prepare(axes, tuned)
    complete = [t for t in tuned.trials if t.state == "complete"]
    pruned = [t for t in tuned.trials if t.state == "pruned" and t.score is not None]
    failed = [t.number for t in tuned.trials if t.state == "failed" or (t.state == "pruned" and t.score is None)]
    _dots(axes, [t.number for t in complete], complete, scale, filled=True, label="complete")
    _dots(axes, [t.number for t in pruned], pruned, scale, filled=False, label="stopped, others did better")
    edge = 0.02 if tuned.higher_is_better else 0.98
    if failed:
        at = axes.get_xaxis_transform()
        axes.plot(failed, [edge] * len(failed), "x", color=PALETTE[1], markersize=6, label="failed", transform=at)
    best = _best_so_far(tuned)
    if best:
        ends = [*best, (max(t.number for t in tuned.trials), best[-1][1])]
        axes.step(
            [n for n, _ in ends], [scale * s for _, s in ends], where="post", color=PALETTE[2], linewidth=1.8, label="best so far"
        )
    if complete and complete[0].number == 0 and complete[0].score is not None:
        axes.axhline(scale * complete[0].score, color=TEXT, linewidth=0.9, linestyle="--", alpha=0.6, label="the recipe as it is")
    axes.set_xlabel("trial", color=TEXT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=8.5, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def argument_importances(tuned: Tuned) -> "Figure":
    """Shares of the arguments in the variance of the scores, the largest on top.

    Args:
        tuned: what a search found, with importances.
    """
    shares = sorted(tuned.importances.items(), key=lambda pair: pair[1])
    figure = blank(6.4, 0.9 + 0.42 * len(shares))
    axes = axes_in(figure, grid="x")
    axes.barh(range(len(shares)), [100 * share for _, share in shares], color=PALETTE[0], height=0.55)
    for place, (_, share) in enumerate(shares):
        axes.annotate(
            f"{100 * share:.0f} %", (100 * share, place), (5, 0), textcoords="offset points", va="center", color=TEXT, fontsize=9
        )
    axes.set_yticks(range(len(shares)), [name for name, _ in shares], color=TEXT, fontsize=10)
    axes.set_xlim(0, 108)
    count = len(tuned.ranked)
    what = tuned.metric if tuned.higher_is_better else f"log {tuned.metric}"
    axes.set_xlabel(f"share of the variance of {what} over {count} complete trials, %", color=TEXT)
    return figure


def argument_slices(tuned: Tuned) -> "Figure":
    """Scores against the values of each tuned argument; trials that were stopped are hollow, the best one is ringed.

    Args:
        tuned: what a search found.
    """
    columns = min(3, len(tuned.space))
    rows = -(-len(tuned.space) // columns)
    figure = blank(3.1 * columns + 0.6, 2.7 * rows)
    for place, (name, space) in enumerate(tuned.space.items()):
        axes = axes_in(figure, grid="y", place=(rows, columns, place + 1))
        scale = _prepare(axes, tuned)
        if place % columns:
            axes.set_ylabel("")
        for state in ("pruned", "complete"):
            shown = [t for t in tuned.trials if t.state == state and t.score is not None]
            _dots(axes, [_place(t.arguments[name], space) for t in shown], shown, scale, filled=state == "complete")
        for best in tuned.ranked[:1]:
            here = [_place(best.arguments[name], space)]
            axes.plot(here, [scale * (best.score or 0.0)], "o", markersize=11, markerfacecolor="none", color=PALETTE[1])
        _span(axes, space)
        axes.set_xlabel(name, color=TEXT)
    return figure


def _place(value: Any, space: Mapping[str, Any]) -> float:
    """The position of a value on its axis."""
    return float(space["values"].index(value)) if "values" in space else float(value)


def _span(axes: "Axes", space: Mapping[str, Any]) -> None:
    """The whole of a space as the axis."""
    if "values" in space:
        axes.set_xticks(range(len(space["values"])), [str(value) for value in space["values"]])
        axes.set_xlim(-0.5, len(space["values"]) - 0.5)
    elif space["by_ratio"]:
        margin = (space["high"] / space["low"]) ** 0.04
        axes.set_xscale("log")
        axes.set_xlim(space["low"] / margin, space["high"] * margin)
    else:
        margin = 0.04 * (space["high"] - space["low"])
        axes.set_xlim(space["low"] - margin, space["high"] + margin)


def _prepare(axes: "Axes", tuned: Tuned) -> float:
    """Names the axis of scores and chooses its scale; the factor from a score to what is drawn."""
    scale, unit = (100.0, ", %") if is_share(tuned.metric) else (1.0, "")
    scores = [t.score for t in tuned.trials if t.score is not None]
    if not tuned.higher_is_better and scores and min(scores) > 0 and max(scores) > _FAR * min(scores):
        axes.set_yscale("log")
    axes.set_ylabel(f"validation {tuned.metric}{unit},\n{tuned.val_tasks:,} tasks", color=TEXT)
    return scale


def _dots(axes: "Axes", at: Sequence[Any], trials: Sequence[Trial], scale: float, *, filled: bool, label: str = "") -> None:
    if not trials:
        return
    inside = PALETTE[0] if filled else "none"
    edge = PALETTE[0] if filled else PALETTE[7]
    heights = [scale * (t.score or 0.0) for t in trials]
    axes.plot(at, heights, "o", markersize=5.5, markerfacecolor=inside, markeredgecolor=edge, label=label or None)


def _best_so_far(tuned: Tuned) -> list[tuple[int, float]]:
    """Where the best score of complete trials changes."""
    best, found = math.inf, []
    sign = -1 if tuned.higher_is_better else 1
    for trial in tuned.trials:
        if trial.state == "complete" and trial.score is not None and sign * trial.score < best:
            best = sign * trial.score
            found.append((trial.number, trial.score))
    return found
