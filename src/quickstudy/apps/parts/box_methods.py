"""What people use to find things of a new class from a few boxes otherwise: simple methods on the same windows."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.apps.application import Baseline
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.first_source import first_source
from quickstudy.datasets.boxed_images import BoxedImages
from quickstudy.functional.distances import class_means, cosine_distance
from quickstudy.nn.mlp import MLP
from quickstudy.nn.standard_scores import StandardScores
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.task import Examples
from quickstudy.tasks.detecting import Detecting
from quickstudy.train import before_training

__all__ = ["BOX_METHODS", "standard_scores"]

_ROWS, _TASKS, _HIDDEN = 20_000, 6, 16

_Method = Callable[[Examples], Callable[[Any], Tensor]]


def _source(recipe: Recipe) -> Detecting:
    return first_source(recipe, Detecting)


@functools.lru_cache(maxsize=4)
def standard_scores(images: BoxedImages) -> StandardScores:
    """Features in units of their deviation over windows of meta-training."""
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:_ROWS]
    found: Any = images.gather(rows)
    return StandardScores.of_rows(found["features"])


def _logistic(recipe: Recipe, *, C: float) -> _Method:
    """Logistic regression (scikit-learn) of windows, both classes with equal weight."""
    from sklearn.linear_model import LogisticRegression

    scores = standard_scores(_source(recipe).images)
    model = LogisticRegression(C=C, max_iter=80, class_weight="balanced")

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        model.fit(scores(support.x["features"]).numpy(), support.labels.numpy())
        weight, bias = torch.from_numpy(model.coef_[0]).float(), float(model.intercept_[0])
        return lambda x: _scored(scores(x["features"]) @ weight + bias)

    return fitted


def _mean_box(recipe: Recipe, *, leaf: str) -> _Method:
    """Likeness to the mean box of the class, by the cosine, less that to the mean of other windows."""
    scores = standard_scores(_source(recipe).images)

    def read(x: Any) -> Tensor:
        rows: Tensor = x[leaf]
        return scores(rows) if leaf == "features" else rows

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        means = class_means(read(support.x), support.y, support.mask)

        def asked(x: Any) -> Tensor:
            far = cosine_distance(read(x), means)
            return _scored(far[:, 0] - far[:, 1])

        return asked

    return fitted


def _scored(sure: Tensor) -> Tensor:
    """Log-odds of the class as scores of background and class."""
    return torch.stack([-sure / 2, sure / 2], 1)


@functools.lru_cache(maxsize=8)
def _objectness(source: Detecting, dropout: float, steps: int) -> nn.Module:
    """A network of a window alone, fitted to all classes of meta-training: whether it is a thing, whatever it is."""
    with before_training() as generator, torch.enable_grad():
        scores = standard_scores(source.images)
        network = nn.Sequential(scores, nn.Dropout(dropout), MLP(scores.mean.shape[0], (_HIDDEN,), outputs=1))
        optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.1)
        for _ in range(steps):
            task: Any = source.sample(_TASKS, generator)
            y, mask = task.query.y[..., 1].flatten(), task.query.mask.flatten()
            found = network(task.query.x["features"].flatten(0, 1))[:, 0]
            each = nn.functional.binary_cross_entropy_with_logits(found, y, reduction="none") * mask
            loss = sum((each * side).sum() / (mask * side).sum().clamp(min=1) for side in (y, 1 - y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return network.eval().requires_grad_(False)


def _any_thing(recipe: Recipe, *, dropout: float) -> _Method:
    """Objectness alone; it does not look at the support set."""
    network = _objectness(_source(recipe), dropout, recipe.steps)
    return lambda support: lambda x: _scored(network(x["features"])[:, 0])


BOX_METHODS: Mapping[str, Baseline] = {
    "logistic regression of windows": Baseline(_logistic, choices(C=(1e-4, 1e-3, 1e-2)), val_tasks=30),
    "mean box": Baseline(_mean_box, choices(leaf=("features",)), val_tasks=30),
    "template of colour and edges": Baseline(_mean_box, choices(leaf=("template",)), val_tasks=30),
    "objectness alone": Baseline(_any_thing, choices(dropout=(0.5,)), control=True, val_tasks=30),
}
"""Each with its settings chosen on meta-validation tasks of the same size."""
