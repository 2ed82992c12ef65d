"""A learner that finds the way to a goal from its tries: its recipe, and the rows of its table, in the plane and in mazes."""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import nn
from torch.optim import Adam

from quickstudy.apps.application import Setting
from quickstudy.borders.arguments import number
from quickstudy.errors import TaskError
from quickstudy.functional.policy_gradient import PolicyGradient
from quickstudy.learners.process.attentive_process import AttentiveProcess
from quickstudy.nn.contrast import Squares
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.navigation import TARGETS, Navigation

__all__ = ["navigator", "rounds_of", "worlds"]

_ROUNDS, _TASKS, _LIST = 3, 300, 1000


def navigator(*, steps: int, batch: int, lr: float, width: int, own: float, tries: int, horizon: int, cells: int = 0) -> Recipe:
    """An attentive process that reads tries; meta-training shows it the shortest way, at its end from tries of its own.

    Args:
        steps: outer steps.
        batch: goals in an outer step.
        lr: step size of the outer loop, at its peak.
        width: units of the networks.
        own: share of the steps, the last ones, in which tries are its own.
        tries: in a round; in meta-training a tenth of them.
        horizon: steps of a try.
        cells: on a side of a maze; 0 is the plane.
    """
    number(TaskError, most=1, own=own)
    pair = 2 + len(TARGETS)
    learner = AttentiveProcess(
        nn.Sequential(Squares(), MLP(2 * pair, (width,), outputs=width)),
        nn.Sequential(Squares(), MLP(2 * pair, (width, width), outputs=width)),
        MLP(2, (width,), outputs=width),
        MLP(2 + 2 * width + 1, (width, width), outputs=2),
        evidence="mean",
        likelihood=PolicyGradient(),
    )
    optimizer = Adam(learner.parameters(), lr)
    seen = Navigation(1, tries=tries, horizon=horizon, cells=cells)
    fewer, after = max(tries // 10, 1), round((1 - own) * steps)
    return Recipe(
        learner=learner,
        train=Navigation(_ROUNDS, tries=fewer, horizon=horizon, cells=cells, after=after),
        val=seen,
        test=Navigation(1, tries=tries, horizon=horizon, cells=cells),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=steps,
        val_tasks=25,
    )


@lru_cache(maxsize=16)
def _with_rounds(source: Navigation, rounds: int) -> Navigation:
    return Navigation(rounds, tries=source.tries, horizon=source.horizon, cells=source.cells)


def worlds(recipe: Recipe) -> Navigation:
    """Those of meta-training, with as many tries as are made in an evaluation."""
    assert isinstance(recipe.test, Navigation)
    return _with_rounds(recipe.test, _ROUNDS)


def rounds_of(recipe: Recipe, promises: tuple[Promise, ...] = ()) -> Mapping[str, Setting]:
    """The same unseen goals after each number of rounds; promises are from the first round on."""
    known = worlds(recipe)
    plan = known.plan(_TASKS, generator_of(_LIST))
    found = {}
    for rounds in range(_ROUNDS + 1):
        world, name = _with_rounds(known, rounds), f"{rounds} {'update' if rounds == 1 else 'updates'}"
        kept = promises if rounds else ()
        found[name] = Setting(world, world, rounds, _TASKS, plan, torch.arange(_TASKS), promises=kept)
    return found
