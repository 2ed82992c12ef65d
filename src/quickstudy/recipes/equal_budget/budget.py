"""One small equal budget: the same tasks, pictures, backbone and schedule for every learner.

Equal are the tasks and not the seconds, for three reasons: labelled tasks are what a person has few of; the list of tasks,
and so the result, is the same on every machine and however busy it is, which seconds are not; and what a learner makes of
a task in how many seconds is a finding, to be printed beside its accuracy. A learner that is pre-trained on mini-batches of
labelled pictures instead of tasks sees as many pictures.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from quickstudy.datasets.class_index import Splits
from quickstudy.learner import Learner
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.recipe import Recipe
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import TaskSource
from quickstudy.tasks.supervised import Supervised
from quickstudy.train import train

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """What every learner is given, and the few ways to spend it.

    Args:
        data: classes of meta-training and meta-test.
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class in a meta-training task.
        test_queries: query examples of each class in a meta-test task.
        steps: outer steps.
        batch: tasks in an outer step.
        hidden: channels of the backbone, a strided Conv4.
        seed: of the tasks of a pre-training that a learner brings along.

    >>> from quickstudy.datasets.glyphs import glyphs
    >>> Budget(glyphs()).tasks, Budget(glyphs()).pictures
    (2400, 72000)
    """

    data: Splits
    ways: int = 5
    shots: int = 1
    queries: int = 5
    test_queries: int = 15
    steps: int = 300
    batch: int = 8
    hidden: int = 32
    seed: int = 0

    @property
    def tasks(self) -> int:
        """Tasks of meta-training in all."""
        return self.steps * self.batch

    @property
    def pictures(self) -> int:
        """Labelled pictures that these tasks show, repetitions counted."""
        return self.tasks * self.ways * (self.shots + self.queries)

    @property
    def test(self) -> FewShot:
        """The tasks of meta-test."""
        return FewShot(self.data.test, self.ways, self.shots, self.test_queries)

    def encoder(self) -> Conv4:
        """A fresh backbone from pictures to ``hidden`` features."""
        return Conv4(hidden=self.hidden, strided=True)

    def network(self) -> Conv4:
        """The backbone with a linear head, one output for each class of a task."""
        return Conv4(hidden=self.hidden, strided=True, outputs=self.ways)

    def on_tasks(self, learner: Learner[Any], lr: float, share: float = 1.0) -> Recipe:
        """Meta-training of ``learner`` on the budget's tasks (or a share of them), by Adam of one-cycle rates."""
        source = FewShot(self.data.train, self.ways, self.shots, self.queries)
        steps = max(2, round(share * self.steps))
        return self._one_cycle(learner, source, lr, steps, self.batch)

    def on_pictures(self, learner: Learner[Any], lr: float, share: float = 1.0) -> Recipe:
        """Supervised pre-training of ``learner`` on as many pictures, in mini-batches of one outer step's."""
        source = Supervised(self.data.train, self.batch * self.ways * (self.shots + self.queries))
        return self._one_cycle(learner, source, lr, max(2, round(share * self.steps)), 1)

    def by(self, learner: Learner[Any], optimizer: Optimizer, schedule: LRScheduler) -> Recipe:
        """Meta-training on the budget's tasks by an optimizer of the learner's own."""
        source = FewShot(self.data.train, self.ways, self.shots, self.queries)
        return self._recipe(learner, source, optimizer, schedule, self.steps, self.batch)

    def pretrained(self, share: float = 0.5, lr: float = 4e-3) -> Conv4:
        """A backbone pre-trained on a share of the budget's pictures, in eval mode and frozen."""
        encoder = self.encoder()
        classes = len(self.data.train.classes)
        recipe = self.on_pictures(FineTune(encoder, features=encoder.features, classes=classes), lr, share)
        for _ in train(
            recipe.learner,
            recipe.train,
            steps=recipe.steps,
            batch=1,
            optimizer=recipe.optimizer,
            schedule=recipe.schedule,
            clip=recipe.clip,
            seed=self.seed,
        ):
            pass
        return encoder.eval().requires_grad_(False)

    def _one_cycle(self, learner: Learner[Any], source: TaskSource[Any], lr: float, steps: int, batch: int) -> Recipe:
        optimizer = torch.optim.Adam([p for p in learner.parameters() if p.requires_grad], lr)
        return self._recipe(learner, source, optimizer, OneCycleLR(optimizer, lr, total_steps=steps), steps, batch)

    def _recipe(
        self,
        learner: Learner[Any],
        source: TaskSource[Any],
        optimizer: Optimizer,
        schedule: LRScheduler,
        steps: int,
        batch: int,
    ) -> Recipe:
        return Recipe(
            learner=learner,
            train=source,
            val=None,
            test=self.test,
            optimizer=optimizer,
            schedule=schedule,
            clip=10.0,
            steps=steps,
            batch=batch,
            pictures=self.data.train.pictures,
        )
