"""Draws docs/phases.png from a trained run: tasks, the inner loop on one of them, and errors by step on unseen ones.

quickstudy train maml --data sinusoid --out runs/sines
python docs/make/phases.py runs/sines
"""

import sys
from pathlib import Path

import torch

from quickstudy import evaluate, tasks
from quickstudy.plots.style import PALETTE, TEXT, axes_in, blank
from quickstudy.runs.run import Run

STEPS = (0, 1, 5, 10)


def main(folder: Path) -> None:
    """Three panels: task sampling, rapid adaptation, meta-test."""
    run, grid = Run(folder), torch.linspace(-5, 5, 100)[:, None]
    unseen = tasks.Sinusoid(shots=10, queries=100, grid=True)
    few = unseen.sample(4, torch.Generator().manual_seed(4))
    figure = blank(10.5, 3.2)
    left, middle, right = (axes_in(figure, grid="y", place=(1, 3, place)) for place in (1, 2, 3))
    for number in range(4):
        task = few[number]
        left.plot(grid[:, 0], task.query.y[:, 0], color=PALETTE[number], linewidth=1)
        left.plot(task.support.x[:, 0], task.support.y[:, 0], "o", color=PALETTE[number], markersize=4)
    left.set_title("task sampling: support sets of four tasks", color=TEXT, fontsize=10)
    task, errors = few[0], []
    middle.plot(grid[:, 0], task.query.y[:, 0], color=TEXT, linewidth=1, linestyle=":", label="truth")
    middle.plot(task.support.x[:, 0], task.support.y[:, 0], "o", color=TEXT, markersize=4)
    for number, steps in enumerate(STEPS):
        learner = run.learner(test_steps=steps)
        middle.plot(grid[:, 0], learner(task.support)(grid)[:, 0], color=PALETTE[number], label=f"{steps} steps")
        errors.append(evaluate(learner, unseen, tasks=300, seed=1))
    middle.legend(frameon=False, fontsize=8, labelcolor=TEXT)
    middle.set_title("inner loop: rapid adaptation to one task", color=TEXT, fontsize=10)
    halves = [report.interval[1] - report.mean for report in errors]
    right.errorbar(STEPS, [report.mean for report in errors], yerr=halves, color=PALETTE[0], marker="o", capsize=2)
    right.set_title("meta-test: squared error, 300 unseen tasks", color=TEXT, fontsize=10)
    right.set_xlabel("inner steps", color=TEXT)
    figure.savefig(Path(__file__).parents[1] / "phases.png", dpi=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
