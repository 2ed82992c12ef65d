"""A recipe is a function that returns everything a run needs, as typed objects."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from quickstudy.errors import RunError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.execution.processes import Fabric
from quickstudy.inputs.kind import InputKind
from quickstudy.learner import Learner
from quickstudy.metrics.measure import Measure
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.reports.report import Report
from quickstudy.tasks.source import TaskSource
from quickstudy.train import Record, train

__all__ = ["VAL_SEED", "Recipe", "Schedule", "by_adam", "one_cycle"]

VAL_SEED = 1_000_003
"""Of the list of meta-validation tasks, the same in every run."""

Schedule = Callable[[Optimizer, int], LRScheduler]
"""From an optimizer and the number of steps, how its step size changes."""


@dataclass(frozen=True)
class Recipe:
    """A learner, its tasks, and how to meta-train it.

    Args:
        learner: to be trained.
        train, val, test: sources of meta-training, meta-validation and meta-test tasks; without ``val`` the last step counts.
        optimizer, schedule, clip, steps, batch: of the outer loop, see `quickstudy.train`.
        validate_every: steps between validations.
        val_tasks: tasks of a validation, always the same.
        patience: stop after so many validations without a better one; 0 never stops early.
        reads: how a raw thing becomes an input, where that is known.
        became: arguments that the data decided on, such as a backbone for "auto"; a run records them.
        digest: of the data, where it can change: a run that is resumed compares it.
        raw: tasks of the inputs before a frozen backbone, if ``train`` holds features.
        read: the data as it was read; given as ``data`` to the same recipe, it is not read again.
        from_start: validate before the first step too, where the learner is good at once.
        metric: by which the best validation is known, where it is not the likelihood's own.
    """

    learner: Learner[Any]
    train: TaskSource[Any]
    val: TaskSource[Any] | None
    test: TaskSource[Any]
    optimizer: Optimizer
    steps: int
    batch: int
    schedule: LRScheduler | None = None
    clip: float | None = None
    validate_every: int = 500
    val_tasks: int = 200
    patience: int = 0
    reads: InputKind | None = None
    became: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    raw: TaskSource[Any] | None = None
    read: Any = None
    from_start: bool = False
    metric: Measure | None = None

    def records(
        self,
        *,
        seed: int = 0,
        start: int = 0,
        fabric: Fabric | None = None,
        compile: bool = False,
        prepared: bool = False,
    ) -> Iterator[Record]:
        """The outer loop of the recipe, one record per step; `quickstudy.runs.run` validates and saves."""
        return train(
            self.learner,
            self.train,
            steps=self.steps,
            batch=self.batch,
            optimizer=self.optimizer,
            schedule=self.schedule,
            clip=self.clip,
            seed=seed,
            start=start,
            fabric=fabric,
            compile=compile,
            prepared=prepared,
        )

    def validated(self) -> Report:
        """The present learner, evaluated on meta-validation tasks that are the same at every validation of every run.

        Raises:
            RunError: the recipe has no such tasks.
        """
        if self.val is None:
            raise RunError(f"this recipe of a {type(self.learner).__name__} has no meta-validation tasks.")
        if self.metric is None:
            return evaluate(self.learner, self.val, tasks=self.val_tasks, seed=VAL_SEED)
        found = evaluate(self.learner, self.val, tasks=self.val_tasks, seed=VAL_SEED, metrics=(self.metric,))
        return found.by(self.metric.__name__)


def one_cycle(optimizer: Optimizer, steps: int, rise: float = 0.3) -> LRScheduler:
    """Up to the optimizer's step size within a share ``rise`` of the steps, then down to nothing."""
    return OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], total_steps=steps, pct_start=rise)


def by_adam(
    learner: Learner[Any],
    tasks: Tasks,
    *,
    lr: float,
    steps: int,
    batch: int = 1,
    schedule: Schedule = one_cycle,
    clip: float | None = 10.0,
    validate_every: int = 500,
    val_tasks: int = 200,
) -> Recipe:
    """Meta-training by Adam, the shortest way to a recipe of one's own; arguments as of `Recipe`."""
    optimizer = Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=tasks.train,
        val=tasks.val,
        test=tasks.test,
        optimizer=optimizer,
        steps=steps,
        batch=batch,
        schedule=schedule(optimizer, steps),
        clip=clip,
        validate_every=validate_every,
        val_tasks=val_tasks,
        reads=tasks.reads,
    )
