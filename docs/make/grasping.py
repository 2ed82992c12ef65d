"""A figure of a trained gripper at work: what it expects of every grasp, try after try.

python docs/make/grasping.py runs/apps/object-manipulation docs/applications/object-manipulation.png
"""

import sys
from typing import Any

import torch

from quickstudy.execution.acting import Acting
from quickstudy.plots.style import PALETTE, TEXT, blank
from quickstudy.runs.run import Run
from quickstudy.task import Examples
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.grasping import Grasping, grasps
from quickstudy.tasks.worlds.gripper import OUTCOMES, chances, reset

_TRIES, _BARS = 4, 40


class Noting(Acting):
    """Acts, and keeps what it expected and what it had met."""

    def __init__(self, learner: Any) -> None:
        super().__init__(learner)
        self.expected: list[torch.Tensor] = []

    def __call__(self, support: Examples, x: torch.Tensor, *, last: bool = False) -> torch.Tensor:
        outputs = super().__call__(support, x, last=last)
        self.expected.append(outputs[..., 0].sigmoid())
        return outputs


def main() -> None:
    """Draws the first bar of a list that is lifted after four tries and was not by the first two."""
    act, source = Noting(Run(sys.argv[1]).learner()), Grasping(_TRIES)
    plan = source.plan(_BARS, generator_of(7))
    scores, met = source.interact(plan, act)
    fails = met.y[:, :2, 0].sum(1) == 0
    bar = int(((scores > 0.8) & fails).nonzero()[0, 0])
    truth = chances(reset(plan.bar), grasps().expand(_BARS, -1, -1))[bar, :, 0]
    figure = blank(11, 2.9)
    titles = ["before any try", "after 1 try", *(f"after {count} tries" for count in range(2, _TRIES + 1))]
    drawn = [*zip(titles, (each[bar] for each in act.expected), strict=True), ("the truth", truth)]
    area: dict[str, Any] = {"extent": (-1, 1, 3, 30), "vmin": 0, "vmax": 1, "cmap": "Greys"}
    for number, (name, chance) in enumerate(drawn):
        axes = figure.add_subplot(1, len(drawn), number + 1)
        image = axes.imshow(chance.view(25, 13).T, origin="lower", aspect="auto", **area)
        for tried in range(min(number, _TRIES)):
            place, force = met.x[bar, tried, 3:].tolist()
            end = int(met.y[bar, tried].argmax())
            axes.plot(place, 3 + 27 * force, "o", color=PALETTE[end], markersize=7, markeredgecolor="white")
            note: dict[str, Any] = {"xytext": (4, 4), "textcoords": "offset points", "color": PALETTE[end], "fontsize": 9}
            axes.annotate(str(tried + 1), (place, 3 + 27 * force), **note)
        if number < len(drawn) - 1:
            place, force = grasps()[chance.argmax()].tolist()
            axes.plot(place, 3 + 27 * force, "x", color="#d62728", markersize=8)
        axes.set_title(name, fontsize=10, color=TEXT)
        axes.set_xlabel("place", fontsize=9)
        axes.tick_params(labelsize=8)
        if not number:
            axes.set_ylabel("force in N", fontsize=9)
    figure.colorbar(image, ax=figure.axes, shrink=0.8, label="probability of lifting")
    ends = sorted({int(each) for each in met.y[bar].argmax(1)})
    marks = [axes.plot([], [], "o", color=PALETTE[end], label=OUTCOMES[end])[0] for end in ends]
    marks += axes.plot([], [], "x", color="#d62728", label="next grasp")
    figure.legend(handles=marks, loc="outside lower center", ncols=len(marks), fontsize=9, frameon=False)
    figure.savefig(sys.argv[2], dpi=110)


main()
