"""Mean ranks on a line, with bars under those that cannot be told apart (Demšar's critical-difference figure)."""

from typing import TYPE_CHECKING

from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank
from quickstudy.reports.ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["ranks"]


def ranks(ranking: Ranking) -> "Figure":
    """Each model at its mean rank over tasks, the best on top; a bar joins models of which no pair differs.

    Bars have a colour for each world: other tasks of the same classes, and new classes.

    Args:
        ranking: of two models or more.
    """
    count = len(ranking.models)
    bars = [(world, run) for world in ranking.p_values for run in ranking.together(world)]
    figure = blank(6.4, 1.1 + 0.36 * count + 0.16 * len(ranking.p_values))
    axes = axes_in(figure, grid="x")
    place = {model: count - 1 - number for number, model in enumerate(ranking.models)}
    for model, mean in zip(ranking.models, ranking.ranks, strict=True):
        axes.plot([mean], [place[model]], "o", color=PALETTE[0], markersize=7)
        axes.annotate(f"{mean:.2f}", (mean, place[model]), (8, -3), textcoords="offset points", color=TEXT, fontsize=9)
    right = max(ranking.ranks) + 0.12 * count
    for number, (world, run) in enumerate(bars):
        x, colour = right + 0.12 * (number + 1), PALETTE[1 + list(ranking.p_values).index(world)]
        axes.plot([x, x], [place[run[0]] + 0.2, place[run[-1]] - 0.2], color=colour, linewidth=3, solid_capstyle="butt")
    axes.set_yticks([place[model] for model in ranking.models], ranking.models, color=TEXT, fontsize=10)
    axes.set_xlim(min(ranking.ranks) - 0.15, right + 0.12 * (len(bars) + 1.5))
    axes.set_ylim(-0.6, count - 0.4)
    axes.set_xlabel("mean rank over tasks, 1 is best", color=TEXT)
    _legend(axes, ranking)
    return figure


def _legend(axes: "Axes", ranking: Ranking) -> None:
    """What a bar of each colour joins, or that no models are joined."""
    for number, world in enumerate(ranking.p_values, 1):
        found = "bar: not told apart" if ranking.together(world) else "every pair differs"
        axes.plot([], [], color=PALETTE[number], linewidth=3, label=f"{found} for {ranking.for_world(world)}")
    axes.legend(
        frameon=False,
        labelcolor=TEXT,
        fontsize=9,
        loc="upper left",
        bbox_to_anchor=(0, -0.28 if len(ranking.models) > 4 else -0.4),
    )
