"""A recipe is a function that returns everything a run needs, as typed objects."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from quickstudy.datasets.class_index import Splits
from quickstudy.errors import RunError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.execution.processes import Fabric
from quickstudy.inputs.kind import InputKind
from quickstudy.learner import Learner
from quickstudy.recipes.practice import AugmentRotated, Sampler, practice
from quickstudy.reports.report import Report
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import TaskSource
from quickstudy.train import Record, train

__all__ = ["VAL_SEED", "Recipe", "Schedule", "Tasks", "by_adam", "few_shot", "one_cycle", "sinusoids"]

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

    def records(self, *, seed: int = 0, start: int = 0, fabric: Fabric | None = None, compile: bool = False) -> Iterator[Record]:
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
        )

    def validated(self) -> Report:
        """The present learner, evaluated on meta-validation tasks that are the same at every validation of every run.

        Raises:
            RunError: the recipe has no such tasks.
        """
        if self.val is None:
            raise RunError(f"this recipe of a {type(self.learner).__name__} has no meta-validation tasks.")
        return evaluate(self.learner, self.val, tasks=self.val_tasks, seed=VAL_SEED)


@dataclass(frozen=True)
class Tasks:
    """The three sources of a recipe, and how an image file becomes an input, where there are images."""

    train: TaskSource[Any]
    val: TaskSource[Any] | None
    test: TaskSource[Any]
    reads: InputKind | None = None


def few_shot(
    data: Splits,
    train: tuple[int, int, int],
    val: tuple[int, int, int],
    test: tuple[int, int, int],
    *,
    sampler: Sampler = "uniform",
    augment: AugmentRotated = "none",
    steps: int = 0,
) -> Tasks:
    """Few-shot tasks from a data set's splits, each given as (ways, shots, queries); see `recipes.practice` for the rest."""
    practised = practice(data.train, train, sampler=sampler, augment=augment, steps=steps)
    return Tasks(practised, FewShot(data.val, *val), FewShot(data.test, *test), data.train.reads)


def sinusoids(shots: int) -> Tasks:
    """Sine waves: ten queries in meta-training, otherwise evaluated on 100 points of the curve."""
    return Tasks(Sinusoid(shots, 10), Sinusoid(shots, 100, grid=True), Sinusoid(shots, 100, grid=True))


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
    """Meta-training by Adam, the outer loop of nearly every recipe; arguments as of `Recipe`."""
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
