"""A figure of a trained learner on its way: rounds of tries, and the run after each number of them.

python docs/make/navigating.py runs/apps/navigation docs/applications/navigation.png
"""

import sys
from dataclasses import replace
from typing import Any

import torch

from quickstudy.execution.acting import Acting
from quickstudy.plots.style import PALETTE, TEXT, blank
from quickstudy.runs.run import Run
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.navigation import Navigation
from quickstudy.tasks.worlds.points import Points, reset, step

_TASKS, _SHOWN = 3, 4


def run_of(source: Navigation, act: Acting, met: Any, luck: torch.Tensor) -> tuple[Points, torch.Tensor]:
    """The world and the places (B, T + 1, 2) of the run that counts."""
    points = reset(luck, 1, source.cells)
    places = [points.place[:, 0]]
    for _ in range(source.horizon):
        points, _ = step(points, act(met, points.place, last=True))
        places.append(points.place[:, 0])
    return points, torch.stack(places, 1)


def walls(axes: Any, points: Points, task: int) -> None:
    """Draws the walls of a maze."""
    if points.maze is None:
        return
    cells = points.maze.right.shape[1]
    for i in range(cells):
        for j in range(cells):
            left, low = i / cells - 0.5, j / cells - 0.5
            if not points.maze.right[task, i, j]:
                axes.plot([left + 1 / cells] * 2, [low, low + 1 / cells], color=TEXT, linewidth=1)
            if not points.maze.up[task, i, j]:
                axes.plot([left, left + 1 / cells], [low + 1 / cells] * 2, color=TEXT, linewidth=1)
    axes.plot([-0.5, -0.5, 0.5], [0.5, -0.5, -0.5], color=TEXT, linewidth=1)


def main() -> None:
    """A row a task, a column a number of rounds: tries that were added in grey, then the run."""
    run = Run(sys.argv[1])
    act, source = Acting(run.learner()), run.recipe().test
    assert isinstance(source, Navigation)
    most = Navigation(_SHOWN - 1, tries=source.tries, horizon=source.horizon, cells=source.cells)
    plan = most.plan(_TASKS, generator_of(11))
    _, met = most.interact(plan, act)
    count = source.tries * source.horizon
    figure = blank(2.4 * _SHOWN, 2.5 * _TASKS)
    for number in range(_SHOWN):
        known = replace(met, x=met.x[:, : number * count], y=met.y[:, : number * count], mask=met.mask[:, : number * count])
        points, places = run_of(most, act, known, plan.luck)
        for task in range(_TASKS):
            axes = figure.add_subplot(_TASKS, _SHOWN, task * _SHOWN + number + 1)
            walls(axes, points, task)
            last = known.x[task, -count:][known.mask[task, -count:] > 0] if number else known.x[task]
            axes.plot(*last.T, ".", color="#bbbbbb", markersize=1)
            axes.plot(*places[task].T, ".-", color=PALETTE[0], markersize=3, linewidth=1.2)
            axes.plot(*points.goal[task], "x", color="#d62728", markersize=8)
            axes.set(xlim=(-0.62, 0.62), ylim=(-0.62, 0.62), aspect="equal", xticks=[], yticks=[])
            if not task:
                axes.set_title(f"after {number} round{'' if number == 1 else 's'}", fontsize=10, color=TEXT)
    figure.savefig(sys.argv[2], dpi=110)


main()
