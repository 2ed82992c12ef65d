"""One small equal budget: the same tasks, images, backbone and schedule for every learner.

Equal are the tasks and not the seconds, for three reasons: labelled tasks are what a person has few of; the list of tasks,
and so the result, is the same on every machine and however busy it is, which seconds are not; and what a learner makes of
a task in how many seconds is a finding, to be printed beside its accuracy. A learner that is pre-trained on mini-batches of
labelled images instead of tasks sees as many images.
"""

from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from quickstudy.datasets.class_index import Splits
from quickstudy.learner import Learner
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.frozen import Frozen
from quickstudy.recipes.recipe import Recipe, Tasks, by_adam
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.supervised import Supervised

__all__ = ["Budget"]


@dataclass(frozen=True)
class Budget:
    """The budget of every learner, and the few ways to use it.

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
    >>> Budget(glyphs()).tasks, Budget(glyphs()).images
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
    def images(self) -> int:
        """Labelled images that these tasks show, repetitions counted."""
        return self.tasks * self.ways * (self.shots + self.queries)

    @property
    def test(self) -> FewShot:
        """The tasks of meta-test."""
        return FewShot(self.data.test, self.ways, self.shots, self.test_queries)

    def encoder(self) -> Conv4:
        """A fresh backbone from images to ``hidden`` features."""
        return Conv4(hidden=self.hidden, strided=True)

    def network(self) -> Conv4:
        """The backbone with a linear head, one output for each class of a task."""
        return Conv4(hidden=self.hidden, strided=True, outputs=self.ways)

    def on_tasks(self, learner: Learner[Any], lr: float, share: float = 1.0) -> Recipe:
        """Meta-training of ``learner`` on the budget's tasks (or a share of them), by Adam of one-cycle rates."""
        return by_adam(learner, self._tasks(), lr=lr, steps=self._share(share), batch=self.batch)

    def on_images(self, learner: Learner[Any], lr: float, share: float = 1.0) -> Recipe:
        """Supervised pre-training of ``learner`` on as many images, in mini-batches of one outer step's."""
        source = Supervised(self.data.train, self.batch * self.ways * (self.shots + self.queries))
        return by_adam(learner, Tasks(source, None, self.test, self.data.train.reads), lr=lr, steps=self._share(share))

    def by(self, learner: Learner[Any], optimizer: Optimizer, schedule: LRScheduler) -> Recipe:
        """Meta-training on the budget's tasks by an optimizer of the learner's own."""
        tasks = self._tasks()
        return Recipe(
            learner=learner,
            train=tasks.train,
            val=None,
            test=tasks.test,
            optimizer=optimizer,
            schedule=schedule,
            clip=10.0,
            steps=self.steps,
            batch=self.batch,
            reads=tasks.reads,
        )

    def pretrained(self, share: float = 0.5, lr: float = 4e-3) -> Frozen:
        """A backbone pre-trained on a share of the budget's images, and frozen: its weights and its norms' averages."""
        encoder = self.encoder()
        classes = len(self.data.train.classes)
        recipe = self.on_images(FineTune(encoder, features=encoder.features, classes=classes), lr, share)
        for _ in recipe.records(seed=self.seed):
            pass
        return Frozen(encoder)

    def _tasks(self) -> Tasks:
        source = FewShot(self.data.train, self.ways, self.shots, self.queries)
        return Tasks(source, None, self.test, self.data.train.reads)

    def _share(self, share: float) -> int:
        return max(2, round(share * self.steps))
