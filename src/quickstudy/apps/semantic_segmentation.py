"""Semantic segmentation: mark a class in images that no training has met, from one and from five masks."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.mask_methods import MASK_METHODS
from quickstudy.apps.parts.masked_photos import QUERIES, backbone, coco, most_shots, own_photos, settings_of
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.manifest import digest_of_files, files_below
from quickstudy.datasets.masked_images import MaskedImages
from quickstudy.learners.metric.evidence import EvidenceNet
from quickstudy.learners.wrappers.on_maps import OnMaps
from quickstudy.metrics.masks import fb_iou, foreground_iou
from quickstudy.nn.contrast import Squares
from quickstudy.nn.cross_fitted import CrossFitted
from quickstudy.nn.mlp import MLP
from quickstudy.nn.principal_map import PrincipalMap
from quickstudy.nn.side_by_side import ColumnRange, SideBySide
from quickstudy.nn.standard_scores import StandardScores
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.segmenting import Segmenting

__all__ = ["semantic_segmentation"]

_BLOCKS = {"edges": (0, 64, 32), "parts": (64, 176, 48), "things": (176, 496, 64), "colour": (496, 502, 6)}
"""Numbers of a cell from, to, and how many axes of them are kept."""

_PLACE = (502, 504)
_WEIGHS = 16
_ROWS = 20_000
_FOLDS = 3
_SHOTS = (1, 5)
_FEW = 0.6
"""Share of meta-training tasks of one mask; the others have from one to five."""


def _recipe(
    *,
    data: str = "",
    most: int = 0,
    steps: int = 250,
    prior_steps: int = 120,
    lr: float = 1e-2,
    map_lr: float = 1e-3,
    overlap: float = 0.8,
    cells: int = 60,
) -> Recipe:
    """Evidence of cells' maps (EfficientNet-Lite0), weighed; meta-trained on classes of COCO, or of your own.

    Args:
        data: a folder or ZIP of class folders, in which each image has its mask beside it: cup/1.jpg and cup/1_mask.png. Classes
            are parted into meta-training, meta-validation and meta-test.
        most: only the first so many images of each class, so that less is computed; 0 takes all.
        steps: outer steps.
        prior_steps: in which the prior is fitted before.
        lr: step size of the network that weighs evidence, at its peak.
        map_lr: that of the features.
        overlap: weight of the overlap in the objective, beside the likelihood.
        cells: of each image in meta-training.
    """
    if data:
        parts, digest = own_photos(data), digest_of_files(files_below(Path(data)), Path(data).parent)
    else:
        parts, digest = coco(most), ""
    rows = parts.train.index(_ROWS)
    train = MaskedImages(parts.train.maps, parts.train.masks, folds=_FOLDS)
    inputs = 2 * len(_BLOCKS) + 2 * (_PLACE[1] - _PLACE[0]) + 1
    blocks = SideBySide({name: _block(rows, *part) for name, part in _BLOCKS.items()})
    known = nn.Sequential(ColumnRange(*_PLACE), Squares())
    weigh, prior = MLP(inputs, (_WEIGHS,), outputs=1), CrossFitted(backbone().features, folds=_FOLDS)
    learner = OnMaps(backbone(), EvidenceNet(blocks, known, weigh, prior, prior_steps=prior_steps, overlap=overlap))
    optimizer = AdamW([{"params": blocks.parameters(), "lr": map_lr}, {"params": weigh.parameters(), "lr": lr}])
    return Recipe(
        learner,
        _practice(train, cells),
        Mixture([_tasks(parts.val, shots) for shots in _SHOTS]),
        _tasks(parts.test, 1),
        optimizer,
        steps=steps,
        batch=6,
        schedule=OneCycleLR(optimizer, [map_lr, lr], total_steps=max(2, steps)),
        clip=10.0,
        validate_every=max(1, steps // 3),
        val_tasks=60,
        reads=backbone().reads,
        digest=digest,
        metric=foreground_iou,
    )


def _block(rows: ClassIndex, start: int, stop: int, axes: int) -> nn.Module:
    """Some numbers of a cell, standardised, on their principal axes."""
    part = ClassIndex(rows.gather(torch.arange(len(rows)))[:, start:stop], rows.labels, rows.classes, rows.name)
    scores = StandardScores.fitted(part)
    scored = ClassIndex(scores(part.gather(torch.arange(len(part)))), part.labels, part.classes, part.name)
    return nn.Sequential(ColumnRange(start, stop), scores, PrincipalMap.fitted(scored, axes))


def _practice(train: MaskedImages, cells: int) -> Mixture:
    """Tasks of one mask, and of up to five of those classes that have them."""
    more = min(_SHOTS[1], most_shots(train))
    sources = [Segmenting(train.frequent(shots[1] + QUERIES), shots, QUERIES, cells=cells) for shots in ((1, 1), (1, more))]
    return Mixture(sources, [_FEW, 1 - _FEW])


def _tasks(part: MaskedImages, shots: int) -> Segmenting:
    """Tasks of so many masks, or of as many as there are."""
    k = min(shots, most_shots(part))
    return Segmenting(part.frequent(k + QUERIES), k, QUERIES)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """New classes, one and five masks."""
    source, val = recipe.test, recipe.val
    assert isinstance(source, Segmenting) and isinstance(val, Mixture) and isinstance(val.sources[0], Segmenting)
    return settings_of(source.images, val.sources[0].images, _SHOTS, _PROMISES if source.images.name == "coco/test" else {})


_FROZEN, _AGNOSTIC = "frozen prototypes", "class-agnostic network"
_PROMISES = {1: (Promise(0.04, (_FROZEN,)), Promise(0.01, (_AGNOSTIC,))), 5: (Promise(0.04, (_FROZEN,)),)}

semantic_segmentation = Application(
    name="semantic-segmentation",
    title="A new class marked in images, from 1 and 5 masks",
    who="You mark things in photos (parts, plants, products), and a new kind comes up of which you have drawn one mask or five.",
    bring=(
        "Class folders of images, each with its mask beside it, as large and white where the class is: cup/1.jpg and "
        "cup/1_mask.png. One mask is enough to use the trained learner (quickstudy adapt). To meta-train on your own, 9 classes "
        "with 3 masks or more are needed."
    ),
    limits=(
        "Photos in which the thing fills 2 to 95 % of the image; the mask is found on a grid of 20×20 cells, so that outlines "
        "are coarse and thin parts are lost. It proposes a mask that somebody mends."
    ),
    data=(
        "Crops of COCO 2017 (Lin et al., 2014; annotations CC BY 4.0) of 41 classes: photos CC BY 2.0 and CC BY-SA 2.0, and "
        "where they are there photos of non-commercial licences. They do not come with the package."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=MASK_METHODS,
    unit="classes",
    metric=foreground_iou,
    metrics=(fb_iou,),
    quick={"steps": 10, "prior_steps": 20, "most": 3},
)
"""Semantic segmentation, see docs/applications/semantic-segmentation.md."""
