"""Draws docs/idea.png: a learner as a function from a support set to a predictor, and the loops around it.

python docs/make/idea.py
"""

from pathlib import Path
from typing import TYPE_CHECKING

from quickstudy.plots.style import GRID, PALETTE, TEXT, blank

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, GREEN = PALETTE[:3]
BOXES = {
    "source": (4, 46, 17, "source", "plans and gathers tasks", TEXT),
    "support": (30, 60, 17, "support", "examples to learn from", BLUE),
    "query": (30, 32, 17, "query", "examples to be evaluated on", BLUE),
    "adapt": (54, 60, 17, "learner.adapt", "one task, no batch axis", RED),
    "state": (78, 60, 17, "state", "what is remembered", RED),
    "predict": (78, 32, 17, "learner.predict", "the state, new inputs", RED),
    "report": (78, 8, 17, "loss or report", "train · evaluate", GREEN),
}
"""Left edge, bottom, width, name, words and colour of each box."""
HEIGHT = 14
ARROWS = [
    ("source", "right", "support", "left"),
    ("source", "right", "query", "left"),
    ("support", "right", "adapt", "left"),
    ("adapt", "right", "state", "left"),
    ("state", "bottom", "predict", "top"),
    ("query", "right", "predict", "left"),
    ("predict", "bottom", "report", "top"),
]


def side(box: str, where: str) -> tuple[float, float]:
    """The middle of a box's side."""
    x, y, width = BOXES[box][:3]
    return {
        "left": (x, y + HEIGHT / 2),
        "right": (x + width, y + HEIGHT / 2),
        "top": (x + width / 2, y + HEIGHT),
        "bottom": (x + width / 2, y),
    }[where]


def draw(axes: "Axes") -> None:
    """Boxes, arrows, and the predictor around state and predict."""
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(FancyBboxPatch((75.5, 29), 22, 48, boxstyle="round,pad=0.5", facecolor="none", edgecolor=GRID, linestyle="--"))
    axes.text(86.5, 80, "predictor", ha="center", color=TEXT, fontsize=10, style="italic")
    for x, y, width, name, words, colour in BOXES.values():
        axes.add_patch(FancyBboxPatch((x, y), width, HEIGHT, boxstyle="round,pad=0.6", facecolor="white", edgecolor=colour))
        axes.text(x + width / 2, y + 9, name, ha="center", va="center", color=colour, fontsize=11, weight="bold")
        axes.text(x + width / 2, y + 4, words, ha="center", va="center", color=TEXT, fontsize=8)
    for a, out, b, into in ARROWS:
        axes.annotate(
            "", side(b, into), side(a, out), arrowprops={"arrowstyle": "-|>", "color": TEXT, "shrinkA": 6, "shrinkB": 6}
        )
    way = {"arrowstyle": "-|>", "color": GREEN, "shrinkA": 6, "shrinkB": 6, "connectionstyle": "angle,angleA=180,angleB=-90"}
    axes.annotate("", side("adapt", "bottom"), side("report", "left"), arrowprops=way)
    axes.text(61, 10.5, "meta-training: the gradient of the query loss changes the learner", ha="right", color=GREEN, fontsize=9)


def main() -> None:
    """Writes the figure beside the pages."""
    figure = blank(9.6, 3.9)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 100), ylim=(2, 86))
    axes.axis("off")
    draw(axes)
    figure.savefig(Path(__file__).parents[1] / "idea.png", dpi=110)


if __name__ == "__main__":
    main()
