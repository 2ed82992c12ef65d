"""Accuracy by class and the confusion matrix: which classes are hard, and what they are taken for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank
from quickstudy.reports.by_class import ByClass, ClassScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

__all__ = ["classes_figure", "most_confused"]

_LONGEST = 28


def most_confused(found: ByClass, most: int = 12) -> list[str]:
    """The classes of the most frequent confusions, in the order of the data; all where there are few.

    >>> from quickstudy.reports.by_class import ClassScore, Confusion
    >>> scores = tuple(ClassScore(name, 0.5, (0.4, 0.6), 10, 2) for name in "abc")
    >>> most_confused(ByClass(scores, (Confusion("c", "a", 4.0, 10),), 4.0), most=2)
    ['a', 'c']
    """
    chosen: dict[str, None] = {}
    for pair in found.confusions:
        fresh = [name for name in (pair.true, pair.named) if name not in chosen]
        if len(chosen) + len(fresh) > most:
            break
        chosen |= dict.fromkeys(fresh)
    names = [score.name for score in found.classes]
    return names if len(names) <= most else [name for name in names if name in chosen]


def classes_figure(found: ByClass, most: int = 12) -> "Figure":
    """The classes of the lowest accuracy with 95 % intervals, beside the confusion matrix of those confused most often.

    A row of the matrix is a true class, a column the class that was named; a cell is a share of the row's queries. The diagonal,
    right answers, is drawn by a dot alone, so that confusions can be seen.

    Args:
        found: of a report, ``report.by_class``.
        most: classes that are shown in each half.
    """
    names = most_confused(found, most)
    worst = found.worst(most)
    figure = blank(10.4, 1.5 + 0.3 * max(len(names), len(worst), 4))
    _accuracies(axes_in(figure, grid="x", place=(1, 2, 1)), worst, found.by)
    _matrix(axes_in(figure, place=(1, 2, 2)), found, names)
    return figure


def _accuracies(axes: "Axes", worst: Sequence[ClassScore], by: str) -> None:
    scores = worst[::-1]
    for place, score in enumerate(scores):
        low, high = (100 * bound for bound in score.interval)
        axes.plot([low, high], [place, place], color=PALETTE[0], linewidth=3, alpha=0.45, solid_capstyle="butt")
        axes.plot([100 * score.accuracy], [place], "o", color=PALETTE[0], markersize=6)
    labels = [f"{_short(score.name)} ({score.queries:,})" for score in scores]
    axes.set_yticks(range(len(scores)), labels, color=TEXT, fontsize=9)
    axes.set_ylim(-0.6, len(scores) - 0.4)
    axes.set_xlabel("accuracy, %: mean, 95 % interval", color=TEXT)
    plural = "columns" if by == "column" else "classes"
    axes.set_title(f"lowest {plural} (number of queries)", color=TEXT, fontsize=10, loc="left")


def _matrix(axes: "Axes", found: ByClass, names: Sequence[str]) -> None:
    counts = found.matrix(names)
    queries = {score.name: score.queries for score in found.classes}
    count = len(names)
    for row, name in enumerate(names):
        for column in range(count):
            share = counts[row, column] / max(queries.get(name, 0), 1)
            if row == column:
                axes.plot([column], [row], "o", color=PALETTE[2], markersize=3)
            elif share > 0:
                axes.add_patch(_square(column, row, min(1.0, 0.08 + 4 * share)))
                said = f"{100 * share:.0f}" if share >= 0.005 else "<1"
                axes.annotate(said, (column, row), ha="center", va="center", color=TEXT, fontsize=8)
    axes.set_xticks(range(count), [_short(name) for name in names], color=TEXT, fontsize=8, rotation=90)
    axes.set_yticks(range(count), [_short(name) for name in names], color=TEXT, fontsize=8)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xlabel("named", color=TEXT)
    axes.set_ylabel("true", color=TEXT)
    axes.set_title("confusions, % of the true class's queries", color=TEXT, fontsize=10, loc="left")


def _square(column: int, row: int, alpha: float) -> "Rectangle":
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=PALETTE[1], alpha=alpha, linewidth=0)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
