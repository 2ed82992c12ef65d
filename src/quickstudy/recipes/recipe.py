"""A recipe is a function that returns everything a run needs, as typed objects."""

from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quickstudy.datasets.pictures import Pictures
from quickstudy.learner import Learner
from quickstudy.tasks.source import TaskSource

__all__ = ["Recipe"]


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
        pictures: how a picture file becomes an input, where there are pictures.
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
    pictures: Pictures | None = None
