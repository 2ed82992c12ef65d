"""Object detection: find the things of a class that no training has met, from boxes in one, three and five images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.box_methods import BOX_METHODS, standard_scores
from quickstudy.apps.parts.boxed_photos import QUERIES, WINDOWS, coco, most_shots, own_photos, settings_of
from quickstudy.datasets.boxed_images import BoxedSplits
from quickstudy.datasets.manifest import digest_of_files, files_below
from quickstudy.learners.closed_form.lrd2 import LRD2
from quickstudy.metrics.boxes import COCO_OVERLAPS, box_precision
from quickstudy.metrics.measure import Measure
from quickstudy.nn.leaf import Leaf
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.detecting import Detecting
from quickstudy.tasks.mixture import Mixture

__all__ = ["object_detection"]

_SHOTS = (1, 3, 5)
_DECAY = 0.03
_FEW = 0.6
"""Share of meta-training tasks of one image; the others have from one to three."""


def _recipe(
    *,
    data: Any = "",
    most: int = 0,
    steps: int = 150,
    lr: float = 2e-3,
    penalty: float = 500.0,
    hidden: int = 8,
    dropout: float = 0.7,
) -> Recipe:
    """Logistic regression of windows on frozen maps around a learned objectness; meta-trained on classes of COCO, or your own.

    Args:
        data: a folder or ZIP of images with annotations.json in COCO's format. Classes are parted into meta-training,
            meta-validation and meta-test, and no image is in two of them.
        most: only the first so many images of each archive, so that less is computed; 0 takes all.
        steps: outer steps.
        lr: step size at its peak.
        penalty: of the logistic regression at the start.
        hidden: units of the network of objectness.
        dropout: share of what it reads that is left out in meta-training.
    """
    given = isinstance(data, BoxedSplits)
    parts: BoxedSplits = data if given else own_photos(data) if data else coco(most)
    digest = digest_of_files(files_below(Path(data)), Path(data).parent) if data and not given else ""
    scores = standard_scores(parts.train)
    inputs = scores.mean.shape[0]
    objectness = MLP(inputs, (hidden,), outputs=2, dropout=dropout)
    for parameter in objectness.head.parameters():
        nn.init.zeros_(parameter)
    learner = LRD2(nn.Sequential(Leaf("features"), scores), penalty=penalty, prior=objectness, balanced=True)
    optimizer = AdamW([p for p in learner.parameters() if p.requires_grad], lr=lr, weight_decay=_DECAY)
    more = min(3, most_shots(parts.train))
    sources = [Detecting(parts.train, shots, QUERIES, 1, others=30, windows=60) for shots in ((1, 1), (1, more))]
    return Recipe(
        learner,
        Mixture(sources, [_FEW, 1 - _FEW]),
        Detecting(parts.val, 1),
        Detecting(parts.test, 1),
        optimizer,
        steps=steps,
        batch=4,
        schedule=OneCycleLR(optimizer, lr, total_steps=max(2, steps)),
        clip=10.0,
        validate_every=max(1, steps),
        val_tasks=30,
        digest=digest,
        read=parts,
        metric=_precisions(parts)[0],
    )


def _precisions(parts: BoxedSplits) -> tuple[Measure, Measure]:
    """AP50, and COCO's AP."""
    return box_precision(WINDOWS, parts.truth), box_precision(WINDOWS, parts.truth, at=COCO_OVERLAPS, name="AP")


def _measures(recipe: Recipe) -> tuple[Measure, ...]:
    return _precisions(recipe.read)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """New classes, by the number of images with boxes."""
    parts = recipe.read
    return settings_of(parts.test, parts.val, _SHOTS, _PROMISES if parts.test.name == "coco/test" else {})


_PROMISES = {1: (Promise(0.01),), 3: (Promise(0.02),), 5: (Promise(0.02),)}

object_detection = Application(
    name="object-detection",
    title="Things of a new class found in photos, from boxes in 1, 3 and 5 images",
    who="You draw boxes around things in photos (products, animals, faults), and a new kind comes up with boxes in a few images.",
    bring=(
        "A folder or a ZIP of images with annotations.json in COCO's format, as labelling programs write it: images, annotations "
        "(bbox: [x, y, width, height] in pixels) and categories. To meta-train on your own, 9 classes with boxes in 3 images or "
        "more are needed."
    ),
    limits=(
        "Things that cover 2 % of the photo or more. It ranks 734 windows of each photo, so that boxes are rough, and finds a "
        "minority of things: a way to sort photos for somebody who looks, no detector to rely on. Its learner is evaluated and "
        "compared here; quickstudy adapt and predict do not take it yet."
    ),
    data=(
        "Images of COCO 2017 (Lin et al., 2014; annotations CC BY 4.0): photos CC BY 2.0, CC BY-SA 2.0 and of no known "
        "restriction, and where they are there photos of non-commercial licences. They do not come with the package."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=BOX_METHODS,
    unit="classes",
    measures=_measures,
    quick={"steps": 10, "most": 50},
)
"""Object detection, see docs/applications/object-detection.md."""
