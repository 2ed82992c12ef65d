"""Task diversity drawn: distances of tasks, compared with halves of one task, and how often classes are drawn."""

from typing import TYPE_CHECKING

import torch

from quickstudy.checks.diversity import TaskDiversity
from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["diversity"]


def diversity(found: TaskDiversity, *, title: str = "") -> "Figure":
    """Distances of all pairs of tasks as a map, near ones beside each other; their distribution; the draws of each class.

    Args:
        found: what `quickstudy.checks.task_diversity` measured.
        title: the source's name.
    """
    panels = 2 if found.draws is None else 3
    figure = blank(3.7 * panels, 3.7)
    if title:
        figure.suptitle(title, x=0.01, ha="left", color=TEXT, fontsize=11)
    _map(axes_in(figure, place=(1, panels, 1)), found)
    _spread(axes_in(figure, grid="y", place=(1, panels, 2)), found)
    if found.draws is not None:
        _draws(axes_in(figure, grid="y", place=(1, panels, 3)), found)
    return figure


def _map(axes: "Axes", found: TaskDiversity) -> None:
    """Tasks in the order of a hierarchical clustering, so that groups show as light squares."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    both = ((found.apart + found.apart.mT) / 2).fill_diagonal_(0).double()
    order = torch.from_numpy(leaves_list(linkage(squareform(both.numpy(), checks=False), "average")).copy()).long()
    drawn = axes.imshow(found.apart[order][:, order].numpy(), cmap="Blues", vmin=0, interpolation="nearest")
    axes.set_title("distance of two tasks", color=TEXT, fontsize=10, loc="left")
    axes.set_xlabel("tasks (second halves)", color=TEXT)
    axes.set_ylabel("tasks (first halves)", color=TEXT)
    axes.set_xticks([])
    axes.set_yticks([])
    bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=TEXT, labelsize=8, length=0)


def _spread(axes: "Axes", found: TaskDiversity) -> None:
    own = found.apart.diagonal()
    others = found.apart[~torch.eye(len(own), dtype=torch.bool)]
    top = float(found.apart.max()) * 1.02 + 1e-9
    for values, colour, words in (
        (others, PALETTE[0], f"two tasks, mean {found.coefficient:.2f}"),
        (own, PALETTE[1], f"halves of one task, mean {found.floor:.2f}"),
    ):
        weights = torch.full((len(values),), 100 / len(values))
        axes.hist(values.numpy(), bins=24, range=(0, top), weights=weights.numpy(), color=colour, alpha=0.55, label=words)
        axes.axvline(float(values.mean()), ymax=0.74, color=colour, linewidth=1.2)
    axes.set_title("diversity coefficient", color=TEXT, fontsize=10, loc="left")
    axes.set_xlabel("cosine distance of the embeddings", color=TEXT)
    axes.set_ylabel("share of pairs, %", color=TEXT)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=8, loc="upper left")


def _draws(axes: "Axes", found: TaskDiversity) -> None:
    assert found.draws is not None
    counts = found.draws.sort(descending=True).values
    axes.plot(range(1, len(counts) + 1), counts.numpy(), color=PALETTE[2], linewidth=1.8, drawstyle="steps-mid")
    axes.axhline(float(counts.double().mean()), color=TEXT, linewidth=0.8, alpha=0.5)
    axes.set_ylim(bottom=0)
    axes.set_title("draws of each class", color=TEXT, fontsize=10, loc="left")
    axes.set_xlabel("classes, most drawn first", color=TEXT)
    axes.set_ylabel(f"times in {found.listed:,} tasks", color=TEXT)
