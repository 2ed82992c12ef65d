"""The outer loop of a recipe, as arguments."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler

from quickstudy.learner import Learner
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.recipes.parts.problem import Problem
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.recipes.parts.space import Around

__all__ = ["Outer"]

_ON_FEATURES = 0.15
"""Of the step size, where meta-training begins at what a backbone knows: 3e-4 for the usual 2e-3."""


@dataclass(frozen=True)
class Outer:
    """Outer loop.

    Args:
        steps: outer steps.
        lr: step size of the outer loop, at its peak; where features are frozen, 0.15 of it.
        batch: tasks in an outer step.
        clip: longest gradient of an outer step; longer ones are shortened to it; 0 shortens none.
        anneal: how the step size changes: up to its peak and down to nothing in one cycle, or down along a half cosine or a line.
        rise: share of the steps in which the step size rises to its peak, in one cycle.
        validations: validations, at equal distances; the learner of the best one is kept.
        val_tasks: tasks of a validation, always the same; 0 validates never and keeps the last learner.
        patience: stop after so many validations without a better one; 0 never stops early.
    """

    steps: int = 1000
    lr: Annotated[float, Around(10)] = 2e-3
    batch: int = 1
    clip: float = 10.0
    anneal: Literal["one-cycle", "half-cosine", "linear"] = "one-cycle"
    rise: float = 0.3
    validations: int = 5
    val_tasks: Annotated[int, AtLeast(0)] = 200
    patience: int = 0

    def recipe(
        self,
        learner: Learner[Any],
        problem: Problem,
        *,
        optimizer: Optimizer | None = None,
    ) -> Recipe:
        """Meta-training of a learner on a problem's tasks: by Adam, if no other optimizer is given."""
        lr = self.lr * (_ON_FEATURES if problem.fitted else 1.0)
        optimizer = Adam([p for p in learner.parameters() if p.requires_grad], lr) if optimizer is None else optimizer
        return Recipe(
            learner=learner,
            train=problem.tasks.train,
            val=problem.tasks.val if self.val_tasks else None,
            test=problem.tasks.test,
            optimizer=optimizer,
            steps=self.steps,
            batch=self.batch,
            schedule=self._schedule(optimizer),
            clip=self.clip or None,
            validate_every=max(1, self.steps // self.validations),
            val_tasks=max(1, self.val_tasks),
            patience=self.patience,
            reads=problem.reads,
            became=problem.became,
            digest=problem.digest,
            raw=problem.raw,
            read=problem.read,
            from_start=problem.fitted,
        )

    def _schedule(self, optimizer: Optimizer) -> LRScheduler:
        if self.anneal == "half-cosine":
            return CosineAnnealingLR(optimizer, self.steps)
        if self.anneal == "linear":
            return LinearLR(optimizer, 1.0, 0.0, total_iters=self.steps)
        return one_cycle(optimizer, self.steps, self.rise)
