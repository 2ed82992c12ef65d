"""MAML and ProtoNet on a GPU: one task after another against vmap, compiled, and encoders in bfloat16; wall time, synchronized.

Needs this checkout, PyTorch and NumPy, nothing else, and makes its own data. Without --device the first GPU is taken, else the
CPU. The floor of each workload is its loop over tasks (of encoders: float32); results are compared with it first. A gradient of
bfloat16 is off by its rounding, which the column "error" shows. The rules of `quickstudy.execution.batching` for a CPU come from
`small_networks.py` and `conv4.py`; those for a GPU are to be set by this table.

    python benchmarks/on_device.py --json on_device.json
    python benchmarks/on_device.py --device cpu --rounds 2
"""

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import alone  # noqa: F401  before quickstudy
import torch
from timing import Row, close, report
from torch import Tensor

from quickstudy.datasets.arrays import from_arrays
from quickstudy.execution.batching import meta_gradient
from quickstudy.functional.tree import to
from quickstudy.learner import Learner
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.optimization.maml import MAML
from quickstudy.likelihood import Gaussian
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.mlp import MLP
from quickstudy.task import Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import generator_of

Step = Callable[[], list[Tensor]]


def step_of(learner: Learner[Any], tasks: Task, **options: Any) -> Step:
    """One meta-gradient, and what it found."""

    def step() -> list[Tensor]:
        learner.zero_grad(set_to_none=True)
        meta_gradient(learner, tasks, **options)
        return [w.grad.float().cpu() for w in learner.parameters() if w.grad is not None]

    return step


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(step: Step, device: torch.device) -> float:
    wait(device)
    began = time.perf_counter()
    step()
    wait(device)
    return time.perf_counter() - began


def timed(workload: str, steps: dict[str, Step], device: torch.device, rounds: int) -> list[Row]:
    """All steps in turn; the first is the floor. One that this device or PyTorch cannot do is named and left out."""
    first = {}
    for name, step in list(steps.items()):
        try:
            first[name] = seconds(step, device)
        except RuntimeError as error:
            print(f"{workload}: {name} is left out: {str(error).splitlines()[0]}", file=sys.stderr)
            del steps[name]
    floor = next(iter(steps))
    exact = steps[floor]()
    errors = {name: close(step(), exact) for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(seconds(step, device))
    medians = {name: statistics.median(each) for name, each in times.items()}
    return [
        Row(workload, name, 1e3 * medians[name], medians[name] / medians[floor], 1e3 * first[name], errors[name])
        for name in steps
    ]


def sinusoids(device: torch.device, rounds: int, steps: int) -> list[Row]:
    torch.manual_seed(0)
    learner = MAML(MLP(1, (40, 40), outputs=1), inner_lr=0.01, inner_steps=steps, likelihood=Gaussian()).to(device)
    tasks = to(Sinusoid().sample(25, generator_of(0)), device)
    ways: dict[str, dict[str, Any]] = {"loop": {"strategy": "loop"}, "vmap": {"strategy": "vmap"}}
    if device.type == "cuda":  # of a CPU small_networks.py tells
        ways["vmap, compiled"] = {"strategy": "vmap", "compile": True}
    made = {name: step_of(copy.deepcopy(learner).train(), tasks, **options) for name, options in ways.items()}
    return timed(f"MAML, sinusoids, 25 tasks, {steps} steps", made, device, rounds)


def images(device: torch.device, ways: int, shots: int, queries: int, tasks: int) -> Task:
    generator = torch.Generator().manual_seed(0)
    source = FewShot(
        from_arrays(torch.rand(2000, 1, 28, 28, generator=generator), torch.arange(2000) % 100), ways, shots, queries
    )
    return to(source.sample(tasks, generator_of(0)), device)


def convolutions(device: torch.device, rounds: int, steps: int) -> list[Row]:
    torch.manual_seed(0)
    learner = MAML(Conv4(outputs=5), inner_lr=0.4, inner_steps=steps, norm="batch").to(device)
    tasks = images(device, 5, 1, 15, 4)
    made = {name: step_of(copy.deepcopy(learner).train(), tasks, strategy=name) for name in ("loop", "vmap")}
    return timed(f"MAML, Conv4-64, 4 tasks, {steps} steps", made, device, rounds)


def encoders(device: torch.device, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    learner = ProtoNet(Conv4()).to(device)
    tasks = images(device, 60, 5, 5, 1)

    def half() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, torch.bfloat16)

    made = {
        name: step_of(copy.deepcopy(learner).train(), tasks, precision=precision)
        for name, precision in {"float32": nullcontext, "bfloat16 encoder": half}.items()
    }
    if device.type == "cuda":
        for name, mode in {"compiled encoder": "default", "compiled encoder, CUDA graphs": "reduce-overhead"}.items():
            compiled = copy.deepcopy(learner).train()
            compiled.encoder.compile(mode=mode)
            made[name] = step_of(compiled, tasks)
    return timed("ProtoNet, Conv4-64, 60-way 5-shot", made, device, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", default=None)
    asked = parser.parse_args()
    chosen = torch.device(asked.device)
    if chosen.type == "cpu":
        torch.set_num_threads(1)
    name = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else f"{chosen.type}, one thread"
    print(f"on {name}, PyTorch {torch.__version__}")
    found = [row for steps in (1, 5) for row in sinusoids(chosen, asked.rounds, steps)]
    found += [row for steps in (1, 5) for row in convolutions(chosen, asked.rounds, steps)]
    report([*found, *encoders(chosen, asked.rounds)], asked.json)
