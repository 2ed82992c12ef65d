"""The cost of an outer step in seconds and bytes, measured on a few small steps before a run starts."""

import copy
import os
import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.execution.footprint import peak_of
from quickstudy.functional.tree import bytes_of
from quickstudy.learner import Learner
from quickstudy.tasks.source import TaskSource
from quickstudy.train import train

__all__ = ["StepCost", "costs_too_much", "step_cost"]


@dataclass(frozen=True)
class StepCost:
    """What one outer step costs.

    Args:
        seconds: of a step, drawing its tasks included; the first one or two of a run take longer.
        peak_bytes: the most bytes of tensors alive at one moment that were not there before, gradients included.
        resident_bytes: weights, buffers and the optimizer's memory, which are always there.
        measured: tasks in the largest step that was taken; fewer than the run's means that the rest is extrapolated.
        batch: tasks in a step of the run.
    """

    seconds: float
    peak_bytes: int
    resident_bytes: int
    measured: int
    batch: int


def step_cost(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    batch: int,
    optimizer: Optimizer | None = None,
    budget: float = 10.0,
    seed: int = 0,
) -> StepCost:
    """Takes steps on a copy, of 2, 4, 8 … tasks, until the whole batch is reached or ``budget`` seconds are spent.

    Time and memory grow in a straight line with the number of tasks, ``a + b · batch``, from the second step size on (a
    single task is never vectorised); the line of least squares gives what was not measured. Memory is counted tensor by
    tensor (see `quickstudy.execution.footprint`), the same on every machine; what a kernel keeps to itself is not seen.

    Args:
        learner: to be trained; a copy of it is.
        source: of meta-training tasks.
        batch: tasks in a step.
        optimizer: of the run, over the learner's weights; Adam by default.
        budget: seconds after which no larger step is begun.
        seed: of the tasks.

    >>> from quickstudy.learners.optimization.maml import MAML
    >>> from quickstudy.likelihood import Gaussian
    >>> from quickstudy.nn.mlp import MLP
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> cost = step_cost(MAML(MLP(1, outputs=1), inner_lr=0.01, likelihood=Gaussian()), Sinusoid(), batch=16)
    >>> cost.measured, cost.seconds < 10
    (16, True)
    """
    optimizer = optimizer or torch.optim.Adam([p for p in learner.parameters() if p.requires_grad])
    mine, its = copy.deepcopy((learner, optimizer))
    sizes = [size for size in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if size < batch] + [batch]
    remembered = copy.deepcopy(source.state_dict())  # a source that learns from losses forgets what it saw here
    began = time.perf_counter()
    found: list[tuple[int, float, int]] = []
    for size in sizes:
        spent = time.perf_counter() - began
        if len(found) >= 2 and spent * (1 + size / found[-1][0]) > budget:
            break
        found.append((size, _seconds(mine, source, size, its, seed), _peak(mine, source, size, its, seed)))
    source.load_state_dict(remembered)
    seconds, peak = (_extended([(f[0], f[n]) for f in found], batch) for n in (1, 2))
    resident = bytes_of([*mine.parameters(), *mine.buffers()]) + bytes_of([list(state.values()) for state in its.state.values()])
    return StepCost(seconds, int(peak), resident, found[-1][0], batch)


def _seconds(learner: Learner[Any], source: TaskSource[Any], size: int, optimizer: Optimizer, seed: int) -> float:
    """The median of three steps or more, until a quarter of a second is spent, after one that warms up."""
    records = train(learner, source, steps=50, batch=size, optimizer=optimizer, seed=seed)
    next(records)
    found: list[float] = []
    while len(found) < 3 or (sum(found) < 0.25 and len(found) < 30):
        found.append(next(records).seconds)
    return statistics.median(found)


def _peak(learner: Learner[Any], source: TaskSource[Any], size: int, optimizer: Optimizer, seed: int) -> int:
    return peak_of(lambda: next(train(learner, source, steps=1, batch=size, optimizer=optimizer, seed=seed + 1)))


def _extended(found: list[tuple[int, float]], batch: int) -> float:
    """The value at ``batch``: measured, or on the line of least squares through the sizes, from the last one on."""
    last, value = found[-1]
    if last == batch or len(found) < 2:
        return value * batch / last
    sizes, values = zip(*found, strict=True)
    slope = statistics.linear_regression(sizes, values).slope
    return value + max(slope, 0.0) * (batch - last)


def costs_too_much(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    batch: int,
    steps: int,
    optimizer: Optimizer | None = None,
    budget: float = 10.0,
    seed: int = 0,
    free: int | None = None,
) -> Observation:
    """Estimates the cost of a step and of a run, and compares it with the free memory.

    Args:
        learner, source, batch, optimizer, budget, seed: see `step_cost`.
        steps: of the run.
        free: bytes of memory that may be used; what the machine (or GPU) has free by default.
    """
    if not any(p.requires_grad for p in learner.parameters()) or learner.facts.gradient == "none":
        return skipped("nothing is meta-trained")
    cost = step_cost(learner, source, batch=batch, optimizer=optimizer, budget=budget, seed=seed)
    free = _free(learner) if free is None else free
    need, hours = cost.peak_bytes + cost.resident_bytes, cost.seconds * steps / 3600
    note = (
        f"a step of {batch} tasks: {_words(cost.seconds)}, {cost.peak_bytes / 1e6:,.0f} MB at its peak beside "
        f"{cost.resident_bytes / 1e6:,.0f} MB; {steps:,} steps: {_words(3600 * hours)}"
        + ("" if cost.measured == batch else f" (extrapolated from {cost.measured} tasks)")
    )
    found = []
    if free is not None and need > 0.8 * free:
        found.append(
            Finding(
                f"A step needs about {need / 1e9:.2g} GB, and {free / 1e9:.2g} GB are free.",
                Severity.SEVERE if need > free else Severity.WARNING,
                "Give train a smaller chunk= (tasks whose graphs are alive at once), a smaller batch, fewer inner steps, or "
                "first_order=True.",
                {"bytes": need, "free": free},
            )
        )
    if hours > 24:
        found.append(
            Finding(
                f"The run will take about {hours:,.0f} hours.",
                Severity.NOTE,
                "Take fewer or smaller steps, a smaller network, or a faster machine; a run can be stopped and resumed.",
                {"hours": hours},
            )
        )
    return Observation(note, tuple(found))


def _words(seconds: float) -> str:
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def _free(learner: Learner[Any]) -> int | None:
    """Bytes that are free on the learner's device, None where the system does not say."""
    device = next((p.device for p in learner.parameters()), torch.device("cpu"))
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
