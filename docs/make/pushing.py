"""A figure of a trained arm at work: one demonstration of a goal, and the learner's own way from another start, seen from above.

python docs/make/pushing.py runs/apps/robot-task-learning docs/applications/robot-task-learning.png
"""

import sys

import torch

from quickstudy.execution.acting import Acting
from quickstudy.plots.style import PALETTE, TEXT, blank
from quickstudy.runs.run import Run
from quickstudy.task import Examples
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.demonstrations import Demonstrations

_SHOWN = 4


def ways(source: Demonstrations, act: Acting, known: Examples, goal: torch.Tensor, seed: int) -> torch.Tensor:
    """What is seen at each step of a run, (T, 7)."""
    seen = [source.robot.begin(goal, seed)]
    for _ in range(source.horizon):
        found, _ = source.robot.move(act(known, seen[-1][None, None], last=True)[0, 0])
        seen.append(found)
    return torch.stack(seen)


def main() -> None:
    """A column a goal: hand and thing in the demonstration, and in the run."""
    run = Run(sys.argv[1])
    act, source = Acting(run.learner()), run.recipe().val
    assert isinstance(source, Demonstrations)
    plan = source.each_once(generator_of(5))[:_SHOWN]
    known = source.gather(plan).support
    figure = blank(2.7 * _SHOWN, 4.0)
    for number in range(_SHOWN):
        one = Examples(known.x[number : number + 1], known.y[number : number + 1], known.mask[number : number + 1])
        goal = source.goals[plan.task[number]]
        run_of = ways(source, act, one, goal, int(plan.start[number]))
        axes = figure.add_subplot(1, _SHOWN, number + 1)
        shown = one.x[0][one.mask[0] > 0]
        for rows, colour, name in ((shown, "#999999", "demonstration"), (run_of, PALETTE[0], "learner's run")):
            hand, thing = rows[:, :2] / 5 + torch.tensor([0, 0.6]), rows[:, 4:6] / 5 + torch.tensor([0, 0.6])
            axes.plot(*hand.T, ":", color=colour, linewidth=1, label=f"hand, {name}")
            axes.plot(*thing.T, "-", color=colour, linewidth=2, label=f"thing, {name}")
            axes.plot(*thing[0], "o", color=colour, markersize=5)
        axes.plot(*goal[:2], "x", color="#d62728", markersize=9, label="goal, not seen")
        axes.set(aspect="equal", xlim=(-0.25, 0.25), ylim=(0.45, 1.0))
        axes.set_title(f"goal {number + 1}", fontsize=10, color=TEXT)
        axes.set_xlabel("x in m", fontsize=9)
        axes.tick_params(labelsize=8)
        if not number:
            axes.set_ylabel("y in m", fontsize=9)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    figure.savefig(sys.argv[2], dpi=110)


main()
