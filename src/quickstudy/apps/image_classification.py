"""Image classification: classes of photos that were never trained on, from a few labelled photos of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Adam

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.photo_baselines import classifiers, pixels
from quickstudy.apps.parts.photo_tasks import Photos, checked_parts, digest_of_images, frozen_backbone
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.image_manifest import image_manifest
from quickstudy.datasets.shipped import shipped
from quickstudy.functional.unroll import Adam as InnerAdam
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.metrics.calibration import ece
from quickstudy.metrics.classes import log_loss
from quickstudy.nn.feature_map import Whitening
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot

__all__ = ["image_classification"]

_RANK = 100


def _read(data: str, size: int) -> tuple[Frozen, Photos]:
    path = Path(data) if data else shipped("caltech_fs/caltech_fs.zip")
    backbone: Any = frozen_backbone("efficientnet-lite0", size)
    index = image_manifest(path, reads=backbone.reads, group="group", name=path.stem)
    parts = checked_parts(index, path)
    features = encoded(index, backbone)  # all at once, so that other parts of the same photos need no other features
    train, val, test = (features.select(parts[part], f"{index.name}/{part}") for part in Splits._fields)
    return backbone, Photos(train, val, test, digest_of_images(path))


def _recipe(
    *,
    data: Any = "",
    size: int = 128,
    strength: float = 0.25,
    steps: int = 100,
    batch: int = 2,
    lr: float = 0.03,
    val_tasks: int = 60,
) -> Recipe:
    """Features whitened within the meta-training classes, under a logistic regression that follows shots and ways.

    Args:
        data: a folder or a ZIP of class folders of photos.
        size: side of the photos as the network sees them, in pixels.
        strength: of the whitening.
        steps: outer steps, in which six numbers are learned.
        batch: tasks in a step.
        lr: step size at its peak.
        val_tasks: tasks of a validation.
    """
    backbone, photos = (frozen_backbone("efficientnet-lite0", size), data) if isinstance(data, Photos) else _read(data, size)
    rank = min(_RANK, int(backbone.features))
    whitening = Whitening.fitted(photos.train, rank, strength=strength, learn=False)
    learner = OnFeatures(backbone, LogisticByShots(whitening))
    optimizer = Adam([weight for weight in learner.parameters() if weight.requires_grad], lr)
    few = max(1, min(5, int(photos.train.counts.min()) - 5))
    return Recipe(
        learner=learner,
        train=FewShot(photos.train, (min(5, len(photos.train.classes)), min(20, len(photos.train.classes))), (1, few), 5),
        val=_tasks(photos.val, 20, 1),
        test=_tasks(photos.test, 5, 1),
        optimizer=optimizer,
        steps=steps,
        batch=batch,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        validate_every=max(1, steps // 2),
        val_tasks=val_tasks,
        reads=backbone.reads,
        digest=photos.digest,
        read=photos,
        from_start=True,
    )


def _tasks(index: ClassIndex, ways: int, shots: int) -> FewShot:
    return FewShot(index, min(ways, len(index.classes)), shots, 5)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    photos: Photos = recipe.read
    most = int(min(photos.val.counts.min(), photos.test.counts.min())) - 5
    level = (Promise(tie=True),)
    promised = {(5, 1): level, (5, 5): level, (5, 10): level, (20, 1): (Promise(0.005),), (20, 5): level}
    found = {}
    for (ways, shots), promises in promised.items():
        test = _tasks(photos.test, ways, min(shots, most))
        if shots <= most and ways <= max(5, len(photos.test.classes)):
            found[f"{test.ways[1]}-way {shots}-shot"] = Setting(test, _tasks(photos.val, ways, shots), shots, promises=promises)
    return found


def _fine_tuned(recipe: Recipe, *, lr: float, steps: int) -> FineTune:
    """A new last layer by Adam, from zero, on features of unit length."""
    photos: Photos = recipe.read
    width = int(photos.train.gather(torch.arange(1)).shape[1])
    rule = InnerAdam(lr)
    return FineTune(UnitLength(), features=width, classes=len(photos.train.classes), rule=rule, steps=steps, tune_encoder=False)


def _unit(index: ClassIndex) -> nn.Module:
    return UnitLength()


image_classification = Application(
    name="image-classification",
    title="Classes of photos that were never trained on, from a few labelled photos of each",
    who="People who sort photos into classes of their own, with one to ten labelled photos of each, and no machine to train on.",
    bring=(
        "A folder or ZIP of class folders of photos (cat/1.jpg), ten classes or more. Beside it, if you want, splits.json that "
        "says which classes are of meta-training, meta-validation and meta-test; else they are parted at random."
    ),
    limits=(
        "On photos of everyday things a nearest centroid on the same features is nearly as good: the gain is large only where "
        "classes are many and examples few. ImageNet, on which the network was trained, has many of the classes here."
    ),
    data=(
        "5,104 photos of 97 classes of Caltech-101 at 64 x 64 pixels (Fei-Fei Li, M. Andreetto, M. Ranzato & P. Perona, 2003; CC "
        "BY 4.0). 8.4 MB, so they do not come with quickstudy."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=classifiers({"unit length": _unit})
    | {
        "last layer fine-tuned": Baseline(_fine_tuned, choices(lr=(0.01, 0.1), steps=(50, 200)), tasks=100, val_tasks=20),
        "logistic regression on pixels": pixels,
    },
    unit="classes",
    metrics=(log_loss, ece),
    quick={"steps": 4, "val_tasks": 5},
)
