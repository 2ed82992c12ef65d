"""A recipe that takes a moment: a line learned from sine waves; its meta-test tasks may not be touched at all."""

from pathlib import Path
from typing import Annotated, Any

import optuna
from sqlalchemy.pool import NullPool
from torch import nn

from quickstudy.learners.optimization.maml import MAML
from quickstudy.likelihood import Gaussian
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.space import Log
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.tasks.sinusoid import Sinusoid

__all__ = ["Untouchable", "as_another_opens_it", "line"]


class Untouchable:
    """Whoever asks it for anything fails."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"the meta-test tasks were asked for {name}")


def line(
    *,
    steps: int = 8,
    batch: int = 2,
    inner_lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-2,
    lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-3,
) -> Recipe:
    """A line."""
    learner = MAML(nn.Linear(1, 1), inner_lr=inner_lr, likelihood=Gaussian())
    tasks = Tasks(Sinusoid(5, 5), Sinusoid(5, 10), Untouchable())  # type: ignore[arg-type]
    return by_adam(learner, tasks, lr=lr, steps=steps, batch=batch, val_tasks=8)


def as_another_opens_it(folder: Path) -> optuna.Study:
    """The study in a folder, read by Optuna alone, with no connection left open."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'study.db'}", engine_kwargs={"poolclass": NullPool})
    return optuna.load_study(study_name="line", storage=storage)
