"""Image classification from scratch: a small network that learns from images of known classes how to tell new ones apart."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.photo_classifier import EXAMPLES, classifier, features_of
from quickstudy.apps.parts.photo_tasks import Photos, checked_parts, digest_of_images
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.image_manifest import image_manifest
from quickstudy.datasets.shipped import shipped
from quickstudy.functional.unroll import Adam as InnerAdam
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.nn.chained import Chained
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.feature_map import Whitening
from quickstudy.nn.mirrored import Mirrored
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.augmented_images import AugmentedImages
from quickstudy.tasks.few_shot import FewShot

__all__ = ["image_classification_from_scratch"]

_WIDTH = 32
_QUERIES, _SHOTS = 5, (1, 5)
_STRENGTH = 0.4
_PROMISES = (Promise(over=("classifier + centroid",)), Promise(0.1, over=("logistic regression on pixels", "centroid of pixels")))
_FASTER = 100.0
"""Step size of the six numbers of the head, over that of the network."""


class _Known(NamedTuple):
    """Images of each part, the network's first weights, and steps of a classifier that sees as many images as the learner."""

    photos: Photos
    first: Conv4
    steps: int


def _read(data: str, size: int) -> Photos:
    path = Path(data) if data else shipped("caltech_fs/caltech_fs.zip")
    index = image_manifest(path, reads=Images(size, channels=3, strokes=False), group="group", name=path.stem)
    parts = checked_parts(index, path)
    train, val, test = (index.select(parts[part], f"{index.name} at {size} pixels/{part}") for part in Splits._fields)
    return Photos(train, val, test, digest_of_images(path))


def _recipe(
    *,
    data: Any = "",
    size: int = 32,
    pretraining: int = 1500,
    ways: int = 10,
    steps: int = 60,
    lr: float = 1e-3,
    val_tasks: int = 100,
    mirrored: bool = True,
) -> Recipe:
    """Four convolutions as a classifier of the known classes leaves them, then meta-trained under a logistic regression.

    Args:
        data: a folder or a ZIP of class folders of images.
        size: side of the images, in pixels.
        pretraining: mini-batches of the classifier.
        ways: classes of a meta-training task.
        steps: outer steps, one task each.
        lr: step size of the network at its peak.
        val_tasks: tasks of a validation.
        mirrored: features are the mean of those of an image and of its mirror image; false where sides have a meaning.
    """
    known = data if isinstance(data, _Known) else None
    photos = known.photos if known else _read(data, size)
    first = _network(photos.train)
    network = classifier(photos.train, first, pretraining, photos.digest)
    seen = Mirrored(network) if mirrored else network
    whitening = Whitening.fitted(features_of(photos.train, seen), network.features, centre=True, strength=_STRENGTH, learn=False)
    learner = LogisticByShots(Chained([seen, whitening], network.features), penalty=0.3)
    heads = [weight for name, weight in learner.named_parameters() if not name.startswith("encoder.")]
    optimizer = Adam([{"params": list(network.parameters()), "lr": lr}, {"params": heads, "lr": _FASTER * lr}])
    shown = sum(_SHOTS) / 2 + _QUERIES
    few = max(1, min(_SHOTS[1], int(photos.train.counts.min()) - _QUERIES))
    return Recipe(
        learner=learner,
        train=AugmentedImages(FewShot(photos.train, min(ways, len(photos.train.classes)), (_SHOTS[0], few), _QUERIES)),
        val=FewShot(photos.val, min(5, len(photos.val.classes)), (1, 5), 5),
        test=_tasks(photos.test, 1),
        optimizer=optimizer,
        steps=steps,
        batch=1,
        schedule=OneCycleLR(optimizer, [lr, _FASTER * lr], total_steps=steps),
        clip=10.0,
        validate_every=max(1, steps // 2),
        val_tasks=val_tasks,
        reads=photos.train.reads,
        digest=photos.digest,
        read=_Known(photos, first, pretraining + math.ceil((1 + mirrored) * steps * ways * shown / EXAMPLES)),
        from_start=True,
    )


def _network(index: ClassIndex) -> Conv4:
    assert isinstance(index.reads, Images)
    return Conv4(3, _WIDTH, size=index.reads.size[0])


def _tasks(index: ClassIndex, shots: int) -> FewShot:
    return FewShot(index, min(5, len(index.classes)), shots, 5)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    photos: Photos = recipe.read.photos
    most = int(min(photos.val.counts.min(), photos.test.counts.min())) - 5
    return {
        f"{min(5, len(photos.test.classes))}-way {shots}-shot": Setting(
            _tasks(photos.test, shots), _tasks(photos.val, shots), shots, promises=_PROMISES if shots < 10 else ()
        )
        for shots in (1, 5, 10)
        if shots <= most
    }


def _trained(recipe: Recipe) -> Conv4:
    """The same network from the same first weights, trained on as many images as a classifier of the meta-training classes."""
    known: _Known = recipe.read
    return classifier(known.photos.train, known.first, known.steps, recipe.digest)


def _features(recipe: Recipe, *, centred: bool, mirrored: bool) -> nn.Module:
    """Its features with unit length, away from their mean in meta-training or not, those of the mirror image added or not."""
    network = _trained(recipe)
    seen = Mirrored(network) if mirrored else network
    if not centred:
        return UnitLength(seen)
    rows = features_of(recipe.read.photos.train, seen)
    return Chained([seen, Whitening.fitted(rows, 1, centre=True, strength=0.0, learn=False)], network.features)


def _by_centroid(recipe: Recipe, *, centred: bool, mirrored: bool) -> Learner[Any]:
    return NearestCentroid(_features(recipe, centred=centred, mirrored=mirrored))


def _by_regression(recipe: Recipe, *, centred: bool, mirrored: bool, C: float) -> Learner[Any]:
    return LogisticRegression(C, _features(recipe, centred=centred, mirrored=mirrored))


def _fine_tuned(recipe: Recipe, *, lr: float, steps: int, whole: bool) -> Learner[Any]:
    network = _trained(recipe)
    classes = len(recipe.read.photos.train.classes)
    rule = InnerAdam(lr)
    return FineTune(network, features=network.features, classes=classes, rule=rule, steps=steps, tune_encoder=whole)


def _pixels(recipe: Recipe, *, C: float) -> Learner[Any]:
    return LogisticRegression(C, nn.Sequential(nn.AdaptiveAvgPool2d(16), nn.Flatten()))


def _pixel_centroid(recipe: Recipe) -> Learner[Any]:
    return NearestCentroid(nn.Flatten())


image_classification_from_scratch = Application(
    name="image-classification-from-scratch",
    title="Classes of small images that were never trained on, without any pretrained network",
    who="People whose images are unlike photos, so that no pretrained network fits, and who have many classes of them already.",
    bring=(
        "A folder or ZIP of class folders of images, ten classes or more; more classes teach more. Beside it, if you want, "
        "splits.json that says which classes are of meta-training, meta-validation and meta-test."
    ),
    limits="A network of four convolutions on 32 pixels. For photos a pretrained one is far better: see image-classification.",
    data=(
        "5,104 photos of 97 classes of Caltech-101 (Fei-Fei Li, M. Andreetto, M. Ranzato & P. Perona, 2003; CC BY 4.0), at 32 "
        "pixels. 8.4 MB, so they do not come with quickstudy."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "classifier + centroid": Baseline(
            _by_centroid, choices(centred=(False, True), mirrored=(False, True)), val_tasks=100, version=2
        ),
        "classifier + logistic regression": Baseline(
            _by_regression,
            choices(centred=(False, True), mirrored=(False, True), C=(1.0, 10.0, 100.0)),
            val_tasks=50,
            version=2,
        ),
        "classifier, fine-tuned": Baseline(
            _fine_tuned, choices(lr=(1e-3, 1e-2), steps=(20,), whole=(True, False)), tasks=50, val_tasks=10
        ),
        "logistic regression on pixels": Baseline(_pixels, tuple({"C": C} for C in (0.01, 0.1, 1.0)), val_tasks=30),
        "centroid of pixels": Baseline(_pixel_centroid),
    },
    unit="classes",
    quick={"pretraining": 10, "steps": 4, "val_tasks": 5},
)
