"""How the time of a meta-step grows with tasks, ways, shots, inner steps and width, one at a time, on one log-log image.

MAML, second order, with a network of two hidden layers on 64-d features, sampling included; the other numbers stay at 4 tasks,
5 ways, 5 shots, 5 queries, 5 inner steps, width 64. The exponent p is that of t = a + b·n^p, fitted to logarithms of times:
a is what a step costs anyway, and the curve drawn is the fit.

    python benchmarks/growth.py --json growth.json        # also writes growth.png
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import least_squares
from timing import Row, Variant, arguments, report, take_turns

from quickstudy.datasets.arrays import from_arrays
from quickstudy.learners.optimization.maml import MAML
from quickstudy.nn.mlp import MLP
from quickstudy.plots.style import MARKERS, PALETTE, TEXT, axes_in, blank
from quickstudy.tasks.few_shot import FewShot
from quickstudy.train import train

FEATURES, CLASSES, ROWS = 64, 160, 80
GROWING = {
    "tasks": (2, 4, 16, 64, 256),
    "ways": (2, 5, 10, 20, 40, 80, 160),
    "shots": (1, 2, 5, 10, 20, 40, 75),
    "steps": (1, 2, 5, 10, 20, 40),
    "width": (16, 64, 128, 256, 512, 1024),
}


@dataclass(frozen=True)
class Setting:
    """One meta-step's size."""

    tasks: int = 4
    ways: int = 5
    shots: int = 5
    steps: int = 5
    width: int = 64

    def variant(self, name: str) -> Variant:
        labels = torch.arange(CLASSES).repeat_interleave(ROWS)
        x = torch.randn(CLASSES * ROWS, FEATURES, generator=torch.Generator().manual_seed(0))
        network = MLP(FEATURES, (self.width, self.width), outputs=self.ways)
        learner = MAML(network, inner_lr=0.01, inner_steps=self.steps)
        optimizer = torch.optim.Adam(learner.parameters(), 1e-3)
        source = FewShot(from_arrays(x, labels), self.ways, self.shots, 5)
        records = train(learner, source, steps=10**9, batch=self.tasks, optimizer=optimizer)
        return Variant(name, lambda: next(records))


def law(sizes: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[float, float, float]:
    """a, b and p of ``t = a + b·n^p`` by least squares of log t."""

    def apart(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(np.exp(x[0]) + np.exp(x[1]) * sizes ** x[2]) - np.log(times)

    last = np.log(times[-1]) - np.log(sizes[-1])
    a, b, p = least_squares(apart, np.array([np.log(times[0]), last, 1.0])).x
    return float(np.exp(a)), float(np.exp(b)), float(p)


def rows(rounds: int) -> list[Row]:
    found = []
    for name, sizes in GROWING.items():
        variants = [replace(Setting(), **{name: size}).variant(str(size)) for size in sizes]
        found += take_turns(name, variants, rounds)
    return found


def figure(found: Sequence[Row], path: Path) -> None:
    figure = blank(7.2, 4.8)
    axes = axes_in(figure, grid="both")
    for number, name in enumerate(GROWING):
        mine = [row for row in found if row.workload == name]
        sizes, times = np.array([float(row.variant) for row in mine]), np.array([row.ms for row in mine])
        a, b, p = law(sizes, times)
        print(f"{name}: {a:.3g} ms + {b:.3g} ms · n^{p:.2f}")
        between = np.geomspace(sizes[0], sizes[-1], 100)
        axes.plot(between, a + b * between**p, color=PALETTE[number], linewidth=1, alpha=0.6)
        label = f"{name}: exponent {p:.2f}"
        axes.plot(sizes, times, MARKERS[number], color=PALETTE[number], markersize=5, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("tasks, ways, shots, inner steps, width of the network", color=TEXT)
    axes.set_ylabel("milliseconds of CPU time a meta-step", color=TEXT)
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=9)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=5)
    measured = rows(asked.rounds)
    report(measured, asked.json)
    figure(measured, Path(asked.json or "growth.json").with_suffix(".png"))
