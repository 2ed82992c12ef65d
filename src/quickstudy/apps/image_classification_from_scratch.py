"""Image classification from scratch: a small network that learns from images of known classes how to tell new ones apart."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Adam

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.photo_tasks import Photos, checked_parts, digest_of_images
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.image_manifest import image_manifest
from quickstudy.datasets.shipped import shipped
from quickstudy.functional.distances import cosine_distance
from quickstudy.functional.unroll import Adam as InnerAdam
from quickstudy.inputs.images import Images
from quickstudy.learner import Learner
from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.learners.baselines.logistic_regression import LogisticRegression
from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.tasks.augmented_images import AugmentedImages
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.supervised import Supervised
from quickstudy.train import train

__all__ = ["image_classification_from_scratch"]

_WIDTH = 32

_CLASSIFIERS: dict[str, FineTune] = {}
"""The last one that was trained: two baselines and all settings share it."""


def _read(data: str, size: int) -> Photos:
    path = Path(data) if data else shipped("caltech_fs/caltech_fs.zip")
    index = image_manifest(path, reads=Images(size, channels=3, strokes=False), group="group", name=path.stem)
    parts = checked_parts(index, path)
    train, val, test = (index.select(parts[part], f"{index.name} at {size} pixels/{part}") for part in Splits._fields)
    return Photos(train, val, test, digest_of_images(path))


def _recipe(*, data: Any = "", size: int = 32, ways: int = 10, steps: int = 400, lr: float = 3e-3, val_tasks: int = 60) -> Recipe:
    """Prototypical networks by cosine, on four convolutions.

    Args:
        data: a folder or a ZIP of class folders of images.
        size: side of the images, in pixels.
        ways: classes of a meta-training task.
        steps: outer steps, one task each.
        lr: step size at its peak.
        val_tasks: tasks of a validation.
    """
    photos = data if isinstance(data, Photos) else _read(data, size)
    learner = ProtoNet(UnitLength(_network(photos.train)), distance=cosine_distance, scale=10.0, learn_scale=True)
    optimizer = Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=AugmentedImages(FewShot(photos.train, min(ways, len(photos.train.classes)), 2, 4)),
        val=FewShot(photos.val, min(5, len(photos.val.classes)), (1, 5), 5),
        test=_tasks(photos.test, 1),
        optimizer=optimizer,
        steps=steps,
        batch=1,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        validate_every=max(1, steps // 4),
        val_tasks=val_tasks,
        reads=photos.train.reads,
        digest=photos.digest,
        read=photos,
    )


def _network(index: ClassIndex) -> Conv4:
    assert isinstance(index.reads, Images)
    return Conv4(3, _WIDTH, size=index.reads.size[0])


def _tasks(index: ClassIndex, shots: int) -> FewShot:
    return FewShot(index, min(5, len(index.classes)), shots, 5)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    photos: Photos = recipe.read
    most = int(min(photos.val.counts.min(), photos.test.counts.min())) - 5
    bars = {1: 0.0, 5: 0.0, 10: None}
    return {
        f"{min(5, len(photos.test.classes))}-way {shots}-shot": Setting(
            _tasks(photos.test, shots), _tasks(photos.val, shots), shots, bar=bar
        )
        for shots, bar in bars.items()
        if shots <= most
    }


def _classifier(recipe: Recipe, lr: float) -> FineTune:
    """The same network from the same first weights, trained on as many images as a classifier of the meta-training classes."""
    key = f"{recipe.digest} {recipe.steps} {lr}"
    if key not in _CLASSIFIERS:
        network: Any = copy.deepcopy(recipe.learner.get_submodule("encoder.encoder"))
        index = recipe.read.train
        learner = FineTune(network, features=network.features, classes=len(index.classes), rule=InnerAdam(1e-2), steps=20)
        nn.init.zeros_(learner.head.weight)
        nn.init.zeros_(learner.head.bias)
        optimizer = Adam(learner.parameters(), lr)
        schedule = one_cycle(optimizer, recipe.steps)
        source = AugmentedImages(Supervised(index, 60))
        for _ in train(learner, source, steps=recipe.steps, batch=1, optimizer=optimizer, schedule=schedule, clip=10.0):
            pass
        _CLASSIFIERS.clear()
        _CLASSIFIERS[key] = learner.eval()
    return _CLASSIFIERS[key]


def _by_centroid(recipe: Recipe, *, lr: float) -> Learner[Any]:
    return NearestCentroid(UnitLength(_classifier(recipe, lr).encoder))


def _fine_tuned(recipe: Recipe, *, lr: float) -> Learner[Any]:
    return _classifier(recipe, lr)


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
        "classifier + centroid": Baseline(_by_centroid, ({"lr": 3e-3},)),
        "classifier, fine-tuned": Baseline(_fine_tuned, ({"lr": 3e-3},), tasks=50),
        "logistic regression on pixels": Baseline(_pixels, tuple({"C": C} for C in (0.01, 0.1, 1.0)), val_tasks=30),
        "centroid of pixels": Baseline(_pixel_centroid),
    },
    unit="classes",
    quick={"steps": 6, "val_tasks": 5},
)
