"""A tiny application, with which what all applications have in common is tested."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.datasets.arrays import from_arrays
from quickstudy.learners.baselines.nearest_neighbours import NearestNeighbours
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.metrics.classes import log_loss
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, by_adam
from quickstudy.recipes.parts.tasks import Tasks
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot

made: list[dict[str, Any]] = []


def recipe(*, data: str = "", steps: int = 3, fold: int = 0) -> Recipe:
    """ProtoNet on noisy clusters."""
    generator = torch.Generator().manual_seed(fold)
    centres = torch.randn(45, 6, generator=generator)
    labels = torch.arange(45 * 8) % 45
    x = centres[labels] + 0.5 * torch.randn(len(labels), 6, generator=generator)
    parts = [labels % 3 == part for part in range(3)]
    indices = [from_arrays(x[part], labels[part] // 3) for part in parts]
    sources = Tasks(*[FewShot(index, ways=3, shots=1, queries=4) for index in indices])
    return by_adam(ProtoNet(nn.Sequential(MLP(6, (8,)))), sources, lr=1e-3, steps=steps, val_tasks=3)


def settings(recipe: Recipe) -> Mapping[str, Setting]:
    test, val = recipe.test, recipe.val
    assert isinstance(test, FewShot) and isinstance(val, FewShot)
    promised = {1: (Promise(-1.0),), 3: ()}
    return {
        f"{k}-shot": Setting(test.resized(shots=k), val.resized(shots=k), size=k, tasks=20, promises=promises)
        for k, promises in promised.items()
    }


def neighbours(recipe: Recipe, **choice: Any) -> Any:
    made.append(choice)
    return NearestNeighbours(**choice)


def pooled(recipe: Recipe) -> Any:
    return lambda support: lambda x: torch.zeros(len(x), support.y.shape[1])


toys = Application(
    name="toys",
    title="Toys",
    who="testers.",
    bring="nothing.",
    limits="none.",
    data="noise.",
    recipe=recipe,
    settings=settings,
    baselines={
        "nearest neighbours": Baseline(neighbours, choices=({"k": 1}, {"k": 3})),
        "pooled": Baseline(pooled, control=True),
        "first ten": Baseline(lambda recipe: NearestNeighbours(), tasks=10),
    },
    unit="classes",
    metrics=(log_loss,),
    quick={"steps": 1},
)
