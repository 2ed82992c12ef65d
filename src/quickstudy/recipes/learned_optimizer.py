"""Learned optimizers, after Andrychowicz et al., 2016: on quadratics of ten dimensions and on a small classifier.

A task is a problem of optimization, evaluated by its final loss; `benchmarks/learned_optimizer.py` sets that beside the
best-tuned Adam and SGD.
"""

import math
from dataclasses import replace
from typing import Annotated, Literal

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
from quickstudy.recipes.parts.data import Data
from quickstudy.recipes.parts.flags import Presets, recipe
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.problem import Problem
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.recipes.parts.sizes import Sizes
from quickstudy.recipes.parts.space import Log
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.quadratics import Quadratics
from quickstudy.tasks.unsplit import Unsplit

__all__ = ["learned_optimizer"]

_PRESETS: Presets = {"glyphs": {"batch": 4, "steps": 240, "validations": 5, "val_tasks": 100}}


@recipe(_PRESETS)
def learned_optimizer(
    *,
    data: Literal["quadratics", "glyphs"] = "quadratics",
    ways: int = 20,
    examples: int = 30,
    hidden: int = 8,
    horizon: int = 100,
    window: int = 20,
    windows: int = 5,
    margin: Annotated[float, Log(1e-4, 1.0)] = 0.01,
    outer: Outer = Outer(steps=1300, lr=5e-3, batch=32, clip=1.0, validations=6, val_tasks=500),  # noqa: B008  a frozen record
) -> Recipe:
    """A learned optimizer, evaluated by the value at the end of a trajectory.

    On quadratics a problem is a function of ten dimensions. On glyphs it is a few classes of characters at 7×7 pixels and a
    network of one hidden layer; meta-test problems are of writing systems, and start from weights, that meta-training never saw.

    Args:
        data: problems of which kind.
        ways: classes in a problem of glyphs.
        examples: of each class, all in every step.
        hidden: units of the hidden layer of the network for glyphs.
        horizon: steps of a trajectory.
        window: steps of a stretch that is differentiated through.
        windows: stretches in an outer step, one after another.
        margin: value at which a problem counts as solved, see `functional.MeanLogLoss`.
    """
    if data == "quadratics":
        least = 0.5 * math.log(math.pi)  # of the Gaussian's nll at its default variance
        cut = Windows(window, windows, MeanLogLoss(least=least, margin=margin))
        learner = LearnedOptimizer(Point(10), AdamLSTM(), steps=horizon, window=cut, likelihood=Gaussian())
        tasks = Tasks(Quadratics(), Quadratics(), Quadratics())
    else:
        network, cut = MLP(49, (hidden,), outputs=ways), Windows(window, windows, MeanLogLoss(margin=margin))
        learner = LearnedOptimizer(network, AdamLSTM(), steps=horizon, window=cut, likelihood=LogLoss())
        train, val, test = (_problems(index, ways, examples) for index in glyphs())
        tasks = Tasks(train, val, test)
    return outer.recipe(learner, Problem(tasks, Sizes(), Data(data)))


def _problems(index: ClassIndex, ways: int, examples: int) -> Unsplit:
    """Classes at a quarter of the size; the questions are the support set itself, so font styles need not be kept apart."""
    assert isinstance(index.x, Tensor)
    small = torch.nn.functional.avg_pool2d(index.x.float() / 255, 4)
    return Unsplit(FewShot(replace(index, x=small, groups=None, reads=None, name=f"{index.name} at 7×7"), ways, examples, 1))
