"""Traditional baselines: learners that start every task from scratch, or from ordinary pre-training."""

import time
from collections.abc import Callable
from typing import Any

import torch

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.evaluation.contest import Trained
from quickstudy.functional.unroll import SGD, Adam
from quickstudy.learner import Learner
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.from_scratch import FromScratch
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.likelihood import Gaussian
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.tasks.augmented import Augmented
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import TaskSource, generator_of
from quickstudy.tasks.supervised import Supervised

__all__ = ["meta_trained", "traditional"]

_IMAGES = 64


def traditional(recipe: Recipe, *, pretraining: int, seed: int = 0) -> dict[str, Callable[[], tuple[Learner[Any], Trained]]]:
    """The traditional learners that suit a recipe's tasks, by name; built, and pre-trained, when they are called.

    Args:
        recipe: whose tasks they learn.
        pretraining: mini-batches of 64 examples for the one that is pre-trained; 0 leaves it out.
        seed: of weights and mini-batches.
    """
    task = recipe.test.sample(1, generator_of(seed))[0]
    shape, outputs = task.query.x.shape[1:], task.query.y.shape[1]
    untrained = Trained(0, 0, 0.0, "one model for each task, on its own examples")

    def network(hidden: int, outputs: int | None, strided: bool) -> Conv4 | MLP:
        if len(shape) == 3:
            return Conv4(shape[0], hidden, size=shape[-1], outputs=outputs, strided=strided)
        return MLP(shape.numel(), (40, 40), outputs=outputs)

    def alone(make: Callable[[], Learner[Any]]) -> Callable[[], tuple[Learner[Any], Trained]]:
        return lambda: (_seeded(make, seed), untrained)

    def curve() -> Learner[Any]:
        return FromScratch(network(0, outputs, False), rule=Adam(1e-2), steps=200, likelihood=Gaussian())

    def scratch() -> Learner[Any]:
        return FromScratch(network(32, outputs, False), rule=SGD(0.1), steps=20)

    def tuned() -> tuple[Learner[Any], Trained]:
        return _pretrained(lambda: network(32, None, True), recipe, pretraining, seed)

    if isinstance(recipe.learner.likelihood, Gaussian):
        return {"FromScratch": alone(curve)}
    found = {"LogisticRegression": alone(LogisticRegression), "FromScratch": alone(scratch)}
    return found | ({"FineTune": tuned} if pretraining and _classes_of(recipe.train) is not None else {})


def _pretrained(encoder: Callable[[], Conv4 | MLP], recipe: Recipe, steps: int, seed: int) -> tuple[Learner[Any], Trained]:
    """A classifier of all meta-training classes, of which each task gets a new head."""
    index = _classes_of(recipe.train)
    assert index is not None

    def make() -> Learner[Any]:
        network = encoder()
        return FineTune(network, features=network.features, classes=len(index.classes), rule=Adam(1e-2), tune_encoder=False)

    learner = _seeded(make, seed)
    began = time.perf_counter()
    source = Supervised(index, _IMAGES)
    for _ in by_adam(learner, Tasks(source, None, recipe.test), lr=4e-3, steps=steps).records(seed=seed):
        pass
    seconds = time.perf_counter() - began
    known = min(len(index), steps * _IMAGES)
    words = "one classifier of all training classes, then a new head on each task's own examples"
    return learner, Trained(known, 0, seconds, words)


def _seeded(make: Callable[[], Learner[Any]], seed: int) -> Learner[Any]:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


def meta_trained(recipe: Recipe, steps: int, seconds: float) -> Trained:
    """What a recipe's learner used before its first new task, after so many outer steps and seconds."""
    task = recipe.train.sample(1, generator_of(0))[0]
    rows = int(task.support.mask.sum() + task.query.mask.sum())
    tasks = steps * recipe.batch
    index = _classes_of(recipe.train)
    examples = min(len(index), tasks * rows) if index is not None else tasks * rows
    trained = sum(p.numel() for p in recipe.learner.parameters() if p.requires_grad)
    return Trained(examples, tasks, seconds, f"the learner itself ({trained:,} numbers), on what it makes of many tasks")


def _classes_of(source: TaskSource[Any]) -> ClassIndex | None:
    """The classes that few-shot tasks are drawn from, whatever is done to the tasks then."""
    while isinstance(source, Augmented):
        source = source.source
    return source.index if isinstance(source, FewShot) else None
