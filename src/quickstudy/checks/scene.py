"""The material of the learner's battery: a learner that is never changed, and tasks that suit it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.record import Broken, Held
from quickstudy.execution.batching import encode_tasks
from quickstudy.functional.tree import map_leaves, to
from quickstudy.learner import Learner
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["Expected", "Scene", "Training", "apart", "cast", "outputs", "seeded"]

Expected = Callable[[Any, Task], Mapping[str, Tensor]]
"""The stated formula of a surrogate: from a learner in training mode and ONE raw task, its gradient by parameter name."""

_DRAWS = 60


@dataclass(frozen=True)
class Training:
    """The short meta-training of point 11: long enough to beat the untrained learner on the tasks that were given.

    Args:
        steps: outer steps of Adam.
        batch: tasks in a step.
        lr: of Adam.
        tasks: on which the learner is evaluated before and after.
        source: of the meta-training, where it is another one (`tasks.Supervised` for a learner that is pre-trained).
    """

    steps: int = 60
    batch: int = 8
    lr: float = 0.01
    tasks: int = 60
    source: TaskSource[Any] | None = None


@dataclass(frozen=True)
class Scene:
    """A learner (copied for every use), tasks, and how closely numbers must agree.

    Args:
        learner: the caller's; never used itself.
        source: of tasks that suit it.
        training: the short meta-training.
        tolerance: largest deviation, relative to 1 + the number, in double precision.
        expected_gradient: the formula of a surrogate gradient.
        seed: of the tasks and of all random numbers.
        export: whether points 16 and 17 (export) are checked.
    """

    learner: Learner[Any]
    source: TaskSource[Any]
    training: Training = Training()
    tolerance: float = 1e-6
    expected_gradient: Expected | None = None
    seed: int = 0
    export: bool = True

    @cached_property
    def device(self) -> torch.device:
        return next((p.device for p in self.learner.parameters()), torch.device("cpu"))

    @property
    def tasks(self) -> Task:
        """Three raw tasks in double precision, anew for every use: a learner might change them."""
        return self.drawn(self.source, 3)

    @property
    def lessons(self) -> Task:
        """Three raw tasks of meta-training in double precision."""
        return self.drawn(self.training.source or self.source, 3)

    @property
    def task(self) -> Task:
        """One raw task without padding, in double precision."""
        first: Task = self.tasks[0]
        return Task(first.support.trim(), first.query.trim())

    def drawn(self, source: TaskSource[Any], count: int) -> Task:
        tasks: Task = to(cast(source.sample(count, generator_of(self.seed)), torch.float64), self.device)
        return tasks

    def fresh(self, dtype: torch.dtype | None = torch.float64, *, train: bool = False) -> Learner[Any]:
        """A copy of the learner, by default in double precision and in eval mode."""
        clone = copy.deepcopy(self.learner)
        clone.zero_grad(set_to_none=True)
        return (clone if dtype is None else clone.to(dtype)).train(train)

    def encoded(self, learner: Learner[Any], tasks: Task) -> Task:
        with torch.no_grad():
            return encode_tasks(learner, tasks)

    def same(self, a: Callable[[], Tensor], b: Callable[[], Tensor], found: str) -> Held:
        """``a`` and ``b`` agree: closely, or in the mean of many draws where the learner is stochastic.

        Raises:
            Broken: they do not.
        """
        if self.learner.facts.stochastic:
            deviation, allowed, unit = self._spread(a, b), 6.0, " standard errors"
        else:
            deviation, allowed, unit = apart(seeded(a), seeded(b)), self.tolerance, ""
        if not deviation <= allowed:
            raise Broken(f"{found}: deviation {deviation:.2g}{unit}, allowed {allowed:.2g}")
        return Held(f"deviation {deviation:.1g}{unit}")

    def _spread(self, a: Callable[[], Tensor], b: Callable[[], Tensor]) -> float:
        many = [torch.stack([seeded(fn, 2 * n + k) for n in range(_DRAWS)]) for k, fn in enumerate((a, b))]
        error = sum((draws.var(0) / _DRAWS for draws in many), many[0].new_zeros(())).sqrt() + self.tolerance
        return float(((many[0].mean(0) - many[1].mean(0)).abs() / error).max())


def outputs(learner: Learner[Any], support: Examples, x: Any) -> Tensor:
    """Predictions of a learner for raw inputs, from a raw support set, without a graph."""
    with torch.no_grad():
        state = learner.adapt(support.replace(learner.encode(support.x)))
        return learner.predict(state, learner.encode(x))


def cast(tree: Any, dtype: torch.dtype) -> Any:
    """The tree with its floating-point tensors in another precision."""
    return map_leaves(lambda leaf: leaf.to(dtype) if leaf.is_floating_point() else leaf, tree)


def seeded(fn: Callable[[], Any], seed: int = 0) -> Any:
    """What ``fn`` gives with the global generators seeded; they are left as they were."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        return fn()


def apart(a: Tensor, b: Tensor) -> float:
    """The largest ``|a − b| / (1 + |b|)``; infinite where shapes differ, NaN where numbers are missing."""
    if a.shape != b.shape:
        return float("inf")
    return float(((a - b).abs() / (1 + b.abs())).max()) if a.numel() else 0.0
