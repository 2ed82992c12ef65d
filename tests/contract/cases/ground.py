"""The ground that cases stand on: a case, small tasks and small networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy import datasets, tasks
from quickstudy.checks import Training
from quickstudy.learner import Learner
from quickstudy.nn import MLP
from quickstudy.task import Task
from quickstudy.tasks import TaskSource

INPUTS, SIGNAL, CLASSES = 16, 6, 40


@dataclass(frozen=True)
class Case:
    """A learner, its tasks, and what else the battery must know of it."""

    make: Callable[[], Learner[Any]]
    source: Callable[[], TaskSource[Any]]
    trained: Training = Training()  # noqa: RUF009
    expected_gradient: Callable[[Any, Task], Mapping[str, Tensor]] | None = None
    tolerance: float = 1e-6


def blobs() -> datasets.class_index.ClassIndex:
    """Classes that differ in 6 of 16 numbers; the other ten are louder noise, which a learner must learn to ignore."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(CLASSES).repeat_interleave(20)
    centres = torch.randn(CLASSES, SIGNAL, generator=generator)[labels]
    signal = centres + 0.3 * torch.randn(len(labels), SIGNAL, generator=generator)
    noise = 2 * torch.randn(len(labels), INPUTS - SIGNAL, generator=generator)
    return datasets.from_arrays(torch.cat([signal, noise], 1), labels, name="blobs")


def few(shots: int | tuple[int, int] = 2, ways: int | tuple[int, int] = 3) -> TaskSource[Any]:
    return tasks.FewShot(blobs(), ways, shots, 5)


def labelled() -> TaskSource[Any]:
    """Tasks of three labels a row, each the side of a plane of its own in 6 of 16 numbers; the other ten are louder noise."""
    generator = torch.Generator().manual_seed(0)
    tasks_, rows = 40, 30
    task = torch.arange(tasks_).repeat_interleave(rows)
    signal = torch.randn(tasks_ * rows, SIGNAL, generator=generator)
    planes = torch.randn(tasks_, SIGNAL, 3, generator=generator)
    y = (torch.einsum("rs,rsl->rl", signal, planes[task]) > 0.5).float()
    noise = 2 * torch.randn(len(task), INPUTS - SIGNAL, generator=generator)
    names = tuple(map(str, range(tasks_)))
    return tasks.ByTask(datasets.Table(torch.cat([signal, noise], 1), y, task, names, tuple("abc"), "planes"), shots=15)


def built(make: Callable[..., Learner[Any]], *networks: Callable[[], nn.Module], **arguments: Any) -> Learner[Any]:
    """The learner with fresh networks whose weights are always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(*[network() for network in networks], **arguments)


def encoder() -> nn.Module:
    return MLP(INPUTS, (24, 16))


def normed() -> nn.Module:
    return MLP(INPUTS, (24,), outputs=3, norm=True)


def plain() -> nn.Module:
    return MLP(INPUTS, (24,), outputs=3)


def wave() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))


def smoothed() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, 24), nn.LayerNorm(24), nn.Dropout(0.1), nn.GELU(), nn.Linear(24, 3))
