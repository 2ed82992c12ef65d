"""What people use to mark a new class from a few masks otherwise: simple methods on the same frozen maps of images."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from quickstudy.apps.application import Baseline
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.first_source import first_source
from quickstudy.datasets.masked_images import MaskedImages
from quickstudy.functional.distances import class_means, cosine_distance
from quickstudy.nn.cross_fitted import CrossFitted
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.segmenting import Segmenting
from quickstudy.train import before_training

__all__ = ["MASK_METHODS", "trained_images"]

_DEPTHS = {"all depths": slice(0, 496), "last depth": slice(176, 496), "middle depth": slice(64, 176)}
"""Which numbers of a cell are of which depths of the network."""

_BESIDE = slice(496, 504)
"""Colour and place."""

_ROWS, _TREES, _TASKS = 20_000, 40, 6

_Method = Callable[[Examples], Callable[[Any], Tensor]]


def trained_images(recipe: Recipe) -> MaskedImages:
    """The images of meta-training."""
    return _source(recipe).images


def _source(recipe: Recipe) -> Segmenting:
    return first_source(recipe, Segmenting)


@functools.lru_cache(maxsize=4)
def _scales(images: MaskedImages) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the numbers of meta-training cells."""
    rows: Any = images.index(_ROWS).x
    return rows.mean(0), rows.std(0) + 1e-4


def _standardised(recipe: Recipe) -> Callable[[Any], Tensor]:
    mean, deviation = _scales(trained_images(recipe))
    return lambda x: (x["features"] - mean) / deviation


def _prototypes(recipe: Recipe, *, depth: str, lead: float) -> _Method:
    """The nearer of two mean cells, of the class and of background, by the cosine, where background has a lead."""
    cells, part = _standardised(recipe), _DEPTHS[depth]

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        means = class_means(cells(support.x)[:, part], support.y, support.mask)
        return lambda x: torch.tensor([lead, 0.0]) - cosine_distance(cells(x)[:, part], means)

    return fitted


def _logistic(recipe: Recipe, *, C: float, least: float) -> _Method:
    """Logistic regression (scikit-learn) of each cell, both classes with equal weight; marked from a probability on."""
    from sklearn.linear_model import LogisticRegression

    return _by_cell(recipe, LogisticRegression(C=C, max_iter=60, class_weight="balanced"), slice(0, 504), least)


def _forest(recipe: Recipe, *, least: float) -> _Method:
    """A random forest (scikit-learn) of colour, place and the last depth of the maps; marked from a probability on."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(_TREES, min_samples_leaf=5, class_weight="balanced", random_state=0)
    return _by_cell(recipe, model, slice(176, 504), least)


def _by_cell(recipe: Recipe, model: Any, part: slice, least: float) -> _Method:
    cells = _standardised(recipe)

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        model.fit(cells(support.x)[:, part].numpy(), support.labels.numpy())
        return lambda x: _scored(torch.from_numpy(model.predict_proba(cells(x)[:, part].numpy())[:, 1]).float(), least)

    return fitted


def _scored(marked: Tensor, least: float) -> Tensor:
    """Scores of background and class, of which that of the class is larger where it is above ``least``."""
    return torch.stack([torch.full_like(marked, least), marked], 1)


def _mean_mask(recipe: Recipe, *, least: float) -> _Method:
    """The mean of the masks, whatever the image shows: what the place alone says."""
    size = trained_images(recipe).cells

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        mean = support.y[:, 1].view(-1, size).mean(0)
        return lambda x: _scored(mean.repeat(x["unit"].shape[0] // size), least)

    return fitted


@functools.lru_cache(maxsize=8)
def _agnostic(source: Segmenting, dropout: float, steps: int) -> CrossFitted:
    """Three networks of cells alone, fitted to all classes of meta-training: what is a thing, whatever it is."""
    with before_training() as generator:
        size = source.images.gather(torch.zeros(1, dtype=torch.long))["features"].shape[1]
        network = CrossFitted(size, dropout=dropout)

        def draw() -> tuple[Tensor, Tensor, Tensor]:
            task: Any = source.sample(_TASKS, generator)
            x = torch.cat([task.support.x["features"], task.query.x["features"]], 1)
            y, mask = torch.cat([task.support.y, task.query.y], 1)[..., 1], torch.cat([task.support.mask, task.query.mask], 1)
            return torch.nn.functional.pad(x, (0, 1), value=-1.0), y, mask

        network.fit(draw, steps)
        return network.eval()


def _class_agnostic(recipe: Recipe, *, dropout: float, least: float) -> _Method:
    """The class-agnostic network; it does not look at the support set."""
    network = _agnostic(_source(recipe), dropout, recipe.steps)
    return lambda support: lambda x: _scored(network(x["features"])[:, 0].sigmoid(), least)


MASK_METHODS: Mapping[str, Baseline] = {
    "frozen prototypes": Baseline(_prototypes, choices(depth=tuple(_DEPTHS), lead=(-0.1, 0.0)), val_tasks=40),
    "class-agnostic network": Baseline(_class_agnostic, choices(dropout=(0.5,), least=(0.2, 0.3, 0.4, 0.5)), val_tasks=40),
    "logistic regression of cells": Baseline(_logistic, choices(C=(1e-4, 1e-3), least=(0.1, 0.3, 0.5)), tasks=60, val_tasks=10),
    "random forest of cells": Baseline(_forest, choices(least=(0.1, 0.2, 0.3, 0.5)), tasks=30, val_tasks=8),
    "mean of the masks": Baseline(_mean_mask, choices(least=(0.3, 0.5)), val_tasks=40),
}
"""Each with its settings chosen on meta-validation tasks of the same size."""
