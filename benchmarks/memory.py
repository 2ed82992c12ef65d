"""Peak memory of a meta-step against inner steps and tasks: what is kept, what is computed twice, what is not needed at all.

    python benchmarks/memory.py                     # the table, memory.json, memory.png
    python benchmarks/memory.py --network small     # a small network, in seconds

Two numbers for each setting: bytes of tensors counted one by one (the same on every machine), and the growth of the resident
memory of a process of its own. The network is Conv4-64 on 28 × 28 images, 5 ways, 1 shot, 15 queries, tasks in a loop.
"""

import argparse
import json
import os
import resource
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import nn

from quickstudy import Examples, Task, learners
from quickstudy.execution.batching import meta_gradient
from quickstudy.execution.footprint import peak_of
from quickstudy.learner import Learner
from quickstudy.nn import Conv4
from quickstudy.plots.style import MARKERS, PALETTE, TEXT, axes_in, blank
from quickstudy.task import stack_tasks

__all__ = ["NETWORKS", "WAYS_OF_LEARNING", "Peak", "counted", "main"]

STEPS = (1, 5, 20, 50)
TASKS = (1, 2, 4, 8)
WAYS = 5


@dataclass(frozen=True)
class Peak:
    """The peak of one setting: counted bytes of tensors, and growth of the resident memory (None where it is not known)."""

    name: str
    steps: int
    tasks: int
    counted: int
    resident: int | None = None


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "conv4": lambda: Conv4(outputs=WAYS),
    "small": lambda: nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(1, 8, 3), nn.Tanh(), nn.Conv2d(8, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(200, WAYS)
    ),
}

WAYS_OF_LEARNING: dict[str, tuple[Callable[[nn.Module, int], Learner[Any]], dict[str, Any]]] = {
    "MAML": (lambda network, steps: learners.MAML(network, inner_lr=0.1, inner_steps=steps), {}),
    "MAML, checkpoint": (lambda network, steps: learners.MAML(network, inner_lr=0.1, inner_steps=steps), {"checkpoint": True}),
    "MAML, first order": (lambda network, steps: learners.MAML(network, inner_lr=0.1, inner_steps=steps, first_order=True), {}),
    "iMAML": (lambda network, steps: learners.IMAML(network, inner_steps=steps), {}),
    "Reptile": (lambda network, steps: learners.Reptile(network, inner_steps=steps, inner_batch=10), {}),
}
"""How a learner is made of a network and a number of inner steps, and what `meta_gradient` is told."""

MAPPINGS: dict[str, dict[str, Any]] = {
    "MAML, loop": {"strategy": "loop"},
    "MAML, vmap": {"strategy": "vmap"},
    "MAML, vmap, chunk=2": {"strategy": "vmap", "chunk": 2},
}


def tasks(count: int) -> Task:
    """Tasks of noise: memory does not look at the images."""

    def examples(shots: int) -> Examples:
        return Examples.of(torch.rand(WAYS * shots, 1, 28, 28), torch.arange(WAYS * shots) % WAYS)

    return stack_tasks([Task(examples(1), examples(15)) for _ in range(count)])


def counted(learner: Learner[Any], count: int, **options: Any) -> int:
    """Peak bytes of tensors that one meta-gradient makes, its gradients included."""
    given = tasks(count)
    return peak_of(lambda: meta_gradient(learner.train(), given, **{"strategy": "loop"} | options))


def _apart(work: Callable[[], tuple[int, int | None]]) -> tuple[int, int | None]:
    """What ``work`` returns, done in a process of its own, forked from this one."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(write, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    if os.waitpid(child, 0)[1] != 0:
        raise SystemExit("a measurement failed; its message stands above")
    peak, resident = json.loads(told)
    return peak, resident


def _measured(learner: Learner[Any], count: int, options: dict[str, Any]) -> tuple[int, int | None]:
    given, options = tasks(count), {"strategy": "loop"} | options

    def resident() -> tuple[int, int | None]:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        meta_gradient(learner.train(), given, **options)
        return 0, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024  # Linux counts kibibytes

    return _apart(lambda: (counted(learner, count, **options), None))[0], _apart(resident)[1]


def _shown(settings: list[tuple[str, int]], what: str) -> Iterable[tuple[str, int]]:
    """Progress without a thread of its own, which would not survive a fork."""
    return track(settings, what, console=Console(stderr=True), transient=True, auto_refresh=False)


def _table(title: str, found: list[Peak], column: str) -> Table:
    columns = sorted({getattr(peak, column) for peak in found})
    table = Table(title=title, title_justify="left")
    for head in ("", *[f"{n} {column}" for n in columns], f"growth, {columns[0]} to {columns[-1]} {column}"):
        table.add_column(head, justify="left" if not head else "right")
    for name in dict.fromkeys(peak.name for peak in found):
        row = {getattr(peak, column): peak for peak in found if peak.name == name}
        cells = [f"{row[n].counted / 1e6:,.0f} ({(row[n].resident or 0) / 1e6:,.0f})" for n in columns]
        table.add_row(name, *cells, f"× {row[columns[-1]].counted / row[columns[0]].counted:.1f}")
    return table


def _figure(by_steps: list[Peak], by_tasks: list[Peak], path: Path) -> None:
    drawing = blank(9.0, 3.8)
    for place, (found, column) in enumerate(((by_steps, "steps"), (by_tasks, "tasks")), 1):
        axes = axes_in(drawing, grid="both", place=(1, 2, place))
        for number, name in enumerate(dict.fromkeys(peak.name for peak in found)):
            line = [peak for peak in found if peak.name == name]
            xs, ys = [getattr(p, column) for p in line], [p.counted / 1e6 for p in line]
            axes.loglog(xs, ys, marker=MARKERS[number], markersize=4, color=PALETTE[number], label=name)
        axes.set_xticks(xs, [str(x) for x in xs])
        axes.minorticks_off()
        marks = [
            mark
            for mark in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
            if axes.get_ylim()[0] <= mark <= axes.get_ylim()[1]
        ]
        axes.set_yticks(marks, [f"{mark:,}" for mark in marks])
        axes.set_xlabel("inner steps (2 tasks)" if column == "steps" else "tasks (5 inner steps)", color=TEXT)
        axes.set_ylabel("peak of tensors, MB", color=TEXT)
        axes.legend(frameon=False, fontsize=8)
    drawing.savefig(path, dpi=160)


def main() -> None:
    """Measures, prints, draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=list(NETWORKS), default="conv4")
    parser.add_argument("--out", type=Path, default=Path("memory"), help="path of the JSON and the image, without ending")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    network, console = NETWORKS[asked.network], Console()
    by_steps, by_tasks = [], []
    for name, steps in _shown([(n, s) for n in WAYS_OF_LEARNING for s in STEPS], "inner steps"):
        make, options = WAYS_OF_LEARNING[name]
        by_steps.append(Peak(name, steps, 2, *_measured(make(network(), steps), 2, options)))
    for name, count in _shown([(n, t) for n in MAPPINGS for t in TASKS], "tasks"):
        learner = learners.MAML(network(), inner_lr=0.1, inner_steps=5)
        by_tasks.append(Peak(name, 5, count, *_measured(learner, count, MAPPINGS[name])))
    console.print(_table("Peak of a meta-step of 2 tasks, MB of tensors (resident)", by_steps, "steps"))
    console.print(_table("Peak of a meta-step of 5 inner steps, MB of tensors (resident)", by_tasks, "tasks"))
    asked.out.with_suffix(".json").write_text(json.dumps([asdict(peak) for peak in by_steps + by_tasks], indent=1))
    _figure(by_steps, by_tasks, asked.out.with_suffix(".png"))
    console.print(f"written: {asked.out.with_suffix('.json')}, {asked.out.with_suffix('.png')}")


if __name__ == "__main__":
    main()
