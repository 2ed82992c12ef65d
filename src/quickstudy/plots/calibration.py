"""The reliability figure: accuracy against confidence."""

from typing import TYPE_CHECKING

from quickstudy.metrics.calibration import Reliability
from quickstudy.plots.style import GRID, PALETTE, TEXT, axes_in, blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["reliability_figure"]


def reliability_figure(found: Reliability, name: str = "") -> "Figure":
    """Accuracy against confidence, bin by bin, over the share of queries in each; on the diagonal a model is calibrated.

    Below the diagonal it is too sure of itself, above it not sure enough. Bins of fewer than 10 queries are drawn pale.

    Args:
        found: from `quickstudy.metrics.reliability`.
        name: of the model, for the title.
    """
    counts, confidence, accuracy = (part.tolist() for part in found)
    bins, total = len(counts), sum(counts)
    figure = blank(4.8, 5.4)
    upper = axes_in(figure, grid="both", place=(2, 1, 1))
    lower = axes_in(figure, grid="y", place=(2, 1, 2), sharex=upper)
    grid = figure.add_gridspec(2, 1, height_ratios=(4, 1))
    upper.set_subplotspec(grid[0])
    lower.set_subplotspec(grid[1])
    upper.plot([0, 1], [0, 1], color=GRID, linewidth=1, linestyle="--")
    for count, sure, right in zip(counts, confidence, accuracy, strict=True):
        if count:
            alpha = 1.0 if count >= 10 else 0.25
            upper.plot([sure, sure], [sure, right], color=PALETTE[1], linewidth=2.5, alpha=0.5 * alpha, solid_capstyle="butt")
            upper.plot([sure], [right], "o", color=PALETTE[0], markersize=6, alpha=alpha)
    lower.bar([(b + 0.5) / bins for b in range(bins)], [100 * c / max(total, 1) for c in counts], 0.9 / bins, color=PALETTE[0])
    upper.set_xlim(0, 1)
    upper.set_ylim(-0.02, 1.02)
    upper.tick_params(labelbottom=False)
    upper.set_ylabel("accuracy", color=TEXT)
    upper.set_title(f"{name}{': ' if name else ''}{total:,.0f} queries", color=TEXT, fontsize=10, loc="left")
    lower.set_xlabel("confidence (largest probability)", color=TEXT)
    lower.set_ylabel("queries, %", color=TEXT)
    return figure
