"""Mean ranks on a line, with bars under those that cannot be told apart (Demšar's critical-difference figure)."""

from typing import TYPE_CHECKING

from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank
from quickstudy.reports.ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ranks"]


def ranks(ranking: Ranking) -> "Figure":
    """Each model at its mean rank over tasks, the best on top; a bar joins models of which no pair differs.

    Args:
        ranking: of two models or more.
    """
    count, runs = len(ranking.models), ranking.together()
    figure = blank(6.4, 0.9 + 0.36 * count)
    axes = axes_in(figure, grid="x")
    place = {model: count - 1 - number for number, model in enumerate(ranking.models)}
    for model, mean in zip(ranking.models, ranking.ranks, strict=True):
        axes.plot([mean], [place[model]], "o", color=PALETTE[0], markersize=7)
        axes.annotate(f"{mean:.2f}", (mean, place[model]), (8, -3), textcoords="offset points", color=TEXT, fontsize=9)
    right = max(ranking.ranks) + 0.12 * count
    for number, run in enumerate(runs):
        x = right + 0.12 * (number + 1)
        axes.plot([x, x], [place[run[0]] + 0.2, place[run[-1]] - 0.2], color=PALETTE[1], linewidth=3, solid_capstyle="butt")
    axes.set_yticks([place[model] for model in ranking.models], ranking.models, color=TEXT, fontsize=10)
    axes.set_xlim(min(ranking.ranks) - 0.15, right + 0.12 * (len(runs) + 1.5))
    axes.set_ylim(-0.6, count - 0.4)
    note = "; a bar joins those not told apart" if runs else "; every pair differs"
    axes.set_xlabel(f"mean rank over tasks, 1 is best{note}", color=TEXT)
    return figure
