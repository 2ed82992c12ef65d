"""The style of all figures: plain axes, colours that the colour-blind can distinguish, and SVG text for a page.

Colours are those of Okabe & Ito, 2008, Color universal design.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from quickstudy.reports.report import Report
from quickstudy.storage.files import write_whole
from quickstudy.storage.outputs import SOFTWARE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
from quickstudy.reports.words import is_share

__all__ = ["GRID", "MARKERS", "PALETTE", "TEXT", "axes_in", "blank", "count_words", "scale_of", "svg", "write_figure"]

TEXT = "#1f2328"
GRID = "#b6bec7"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#7f7f7f")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def blank(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> "Figure":
    """An empty figure of its own, in inches; it belongs to no window."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    figure.suppressComposite = True  # small figures stay sharp, each on its own
    return figure


def axes_in(figure: "Figure", *, grid: Any = None, place: tuple[int, int, int] = (1, 1, 1), sharex: Any = None) -> "Axes":
    """Axes with no box around them and a quiet grid."""
    axes = figure.add_subplot(*place, sharex=sharex)
    axes.patch.set_alpha(0)
    for side in ("top", "right", *(("left",) if grid == "y" else ())):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(GRID)
    axes.tick_params(colors=TEXT, labelsize=9, length=0)
    if grid:
        axes.grid(axis=grid, color=GRID, linewidth=0.6, alpha=0.6)
        axes.set_axisbelow(True)
    return axes


def scale_of(report: Report) -> tuple[int, str]:
    """The factor from a score to what is drawn, and the unit to name on an axis."""
    return (100, ", %") if is_share(report.metric) else (1, "")


def count_words(counts: Sequence[int]) -> str:
    """A number of tasks, or the range of several.

    >>> count_words([600]), count_words([600, 100])
    ('600', '100 to 600')
    """
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def svg(figure: "Figure", *, salt: str = "quickstudy") -> str:
    """The figure as SVG text without a header, to be embedded in a page.

    Its lines take the colour of the text around it; a page may change the other colours by setting ``--hue-0`` … ``--hue-7``
    (the palette) and ``--grid``.

    Args:
        figure: any figure of these files.
        salt: makes the names inside unlike those of other figures on the same page.
    """
    import matplotlib

    content = io.StringIO()
    if figure.get_layout_engine() is not None:  # laid out once: a second pass moves things by a hair, and names follow places
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(content, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = content.getvalue()
    text = re.sub(r'<g id="[^"]*"', "<g", text[text.index("<svg") :])
    text = text.replace(TEXT, "currentColor").replace(GRID, f"var(--grid, {GRID})")
    for number, colour in enumerate(PALETTE):
        text = text.replace(colour, f"var(--hue-{number}, {colour})")
    return text


def write_figure(figure: "Figure", path: Path) -> None:
    """Writes a figure as PNG, SVG or PDF, as its name ends, whole or not at all; the file says that it is ours.

    Raises:
        ArtefactError: the file cannot be written.
    """
    form, content = path.suffix[1:].lower(), io.BytesIO()
    marks: dict[str, dict[str, Any]] = {"png": {"Software": SOFTWARE}, "svg": {"Creator": SOFTWARE, "Date": None}}
    figure.savefig(content, format=form, dpi=110, metadata=marks.get(form, {"Creator": SOFTWARE, "CreationDate": None}))
    write_whole(path, content.getvalue())
