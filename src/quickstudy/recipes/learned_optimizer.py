"""Learned optimizers, after Andrychowicz et al., 2016: on quadratics of ten dimensions and on a small classifier.

A task is a problem of optimization, evaluated by its final loss; `benchmarks/learned_optimizer.py` sets that beside the
best-tuned Adam and SGD.
"""

import math
from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.glyphs import glyphs
from quickstudy.functional.windows import MeanLogLoss, Windows
from quickstudy.learners.optimization.learned_optimizer import LearnedOptimizer
from quickstudy.likelihood import Gaussian, LogLoss
from quickstudy.nn.adam_lstm import AdamLSTM
from quickstudy.nn.mlp import MLP
from quickstudy.nn.point import Point
from quickstudy.recipes.checked import checked
from quickstudy.recipes.recipe import Recipe, Tasks, by_adam
from quickstudy.recipes.space import Log
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.quadratics import Quadratics
from quickstudy.tasks.unsplit import Unsplit

__all__ = ["learned_optimizer_classifier", "learned_optimizer_quadratics"]


@checked
def learned_optimizer_quadratics(
    *,
    horizon: int = 100,
    window: int = 20,
    windows: int = 5,
    margin: Annotated[float, Log(1e-4, 1.0)] = 0.01,
    batch: int = 32,
    steps: int = 1300,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 5e-3,
    val_tasks: int = 500,
) -> Recipe:
    """A learned optimizer for quadratic functions of ten dimensions, evaluated by the function's value at the end.

    Args:
        horizon: steps of a trajectory.
        window: steps of a stretch that is differentiated through.
        windows: stretches in an outer step, one after another.
        margin: value at which a function counts as minimised, see `functional.MeanLogLoss`.
        batch: problems in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        val_tasks: problems of each of the six validations.
    """
    score = MeanLogLoss(least=0.5 * math.log(math.pi), margin=margin)  # of the Gaussian's nll at its default variance
    learner = LearnedOptimizer(
        Point(10), AdamLSTM(), steps=horizon, window=Windows(window, windows, score), likelihood=Gaussian()
    )
    return by_adam(
        learner,
        Tasks(Quadratics(), Quadratics(), Quadratics()),
        lr=lr,
        steps=steps,
        batch=batch,
        clip=1.0,
        validate_every=max(1, steps // 6),
        val_tasks=val_tasks,
    )


@checked
def learned_optimizer_classifier(
    *,
    ways: int = 20,
    examples: int = 30,
    hidden: int = 8,
    horizon: int = 100,
    window: int = 20,
    windows: int = 5,
    margin: Annotated[float, Log(1e-4, 1.0)] = 0.01,
    batch: int = 4,
    steps: int = 240,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 5e-3,
) -> Recipe:
    """A learned optimizer for a small classifier of characters, evaluated by the training loss at the end.

    A problem is a few classes of glyphs at 7×7 pixels and a network of one hidden layer; meta-test problems are of writing
    systems, and start from weights, that meta-training never saw.

    Args:
        ways: classes in a problem.
        examples: of each class, all in every step.
        hidden: units of the network's hidden layer.
        horizon: steps of a trajectory.
        window: steps of a stretch that is differentiated through.
        windows: stretches in an outer step, one after another.
        margin: loss at which a problem counts as solved, see `functional.MeanLogLoss`.
        batch: problems in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
    """
    data = glyphs()
    network, cut = MLP(49, (hidden,), outputs=ways), Windows(window, windows, MeanLogLoss(margin=margin))
    learner = LearnedOptimizer(network, AdamLSTM(), steps=horizon, window=cut, likelihood=LogLoss())
    return by_adam(
        learner,
        Tasks(_problems(data.train, ways, examples), _problems(data.val, ways, examples), _problems(data.test, ways, examples)),
        lr=lr,
        steps=steps,
        batch=batch,
        clip=1.0,
        validate_every=max(1, steps // 5),
        val_tasks=100,
    )


def _problems(index: ClassIndex, ways: int, examples: int) -> Unsplit:
    """Classes at a quarter of the size; the questions are the support set itself, so font styles need not be kept apart."""
    assert isinstance(index.x, Tensor)
    small = torch.nn.functional.avg_pool2d(index.x.float() / 255, 4)
    return Unsplit(FewShot(replace(index, x=small, groups=None, reads=None, name=f"{index.name} at 7×7"), ways, examples, 1))
