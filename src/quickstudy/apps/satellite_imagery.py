"""Satellite imagery: new types of land cover in new regions, from a few labelled tiles of each."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.photo_baselines import classifiers, pixels, random_forest
from quickstudy.apps.parts.photo_tasks import Photos, checked_parts, digest_of_images, frozen_backbone, setting_by_group
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.image_manifest import image_manifest
from quickstudy.datasets.shipped import shipped
from quickstudy.learners.metric.mahalanobis import MahalanobisProtoNet
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.metrics.calibration import ece
from quickstudy.metrics.classes import log_loss
from quickstudy.nn.backbones.efficientnet_maps import EfficientNetMaps
from quickstudy.nn.chained import Chained
from quickstudy.nn.feature_map import LinearMap
from quickstudy.nn.feature_scales import FeatureScales
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.rank_gaussian import RankGaussian
from quickstudy.nn.side_by_side import ColumnRange
from quickstudy.nn.standardised import UnitLength
from quickstudy.nn.weighted_blocks import WeightedBlocks
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot

__all__ = ["satellite_imagery"]

_DEGREES = 15
_MAPS = EfficientNetMaps.features - EfficientNetMaps.colours
_BANDS = 24
"""Statistics of a whole tile's bands; those of its middle are left out."""


def _block(row: Mapping[str, str]) -> str:
    """The block of 15 by 15 degrees that a tile lies in."""
    found = []
    for column, most in (("lat", 90.0), ("lon", 180.0)):
        try:
            degrees = float(row[column])
        except ValueError:
            raise ValueError(f'has {row[column]!r} in the column "{column}", which is no number of degrees') from None
        if not -most <= degrees <= most:
            raise ValueError(f'has {degrees:g} in the column "{column}", which lies from {-most:g} to {most:g} degrees')
        found.append(str(math.floor((degrees + most) / _DEGREES)))
    return ",".join(found)


def _read(data: str, size: int) -> tuple[Frozen, Photos]:
    path = Path(data) if data else shipped("land_use/land_cover.zip")
    backbone: Any = frozen_backbone("efficientnet-maps", size)
    index = image_manifest(path, reads=backbone.reads, group=_block, needs=("lat", "lon"), name=path.stem)
    parts = checked_parts(index, path, "types of land cover")
    train, val, test = (encoded(index.select(parts[part], f"{index.name}/{part}"), backbone) for part in Splits._fields)
    return backbone, Photos(train, val, test, digest_of_images(path))


def _recipe(
    *,
    data: Any = "",
    size: int = 128,
    scale: float = 8.0,
    steps: int = 300,
    batch: int = 4,
    lr: float = 2e-3,
    val_tasks: int = 60,
) -> Recipe:
    """Ranks of band statistics and the middle of a photo network, each with a linear map, under a Mahalanobis distance.

    Args:
        data: a folder or a ZIP of tiles with manifest.csv (file, class, lat, lon).
        size: side of the tiles as the network sees them, in pixels.
        scale: of the features beside the unit matrix, at the start.
        steps: outer steps.
        batch: tasks in a step.
        lr: step size at its peak.
        val_tasks: tasks of a validation.
    """
    backbone, tiles = (frozen_backbone("efficientnet-maps", size), data) if isinstance(data, Photos) else _read(data, size)
    learner = OnFeatures(backbone, MahalanobisProtoNet(_encoder(tiles.train), scale=scale, learn_scale=True))
    optimizer = AdamW([weight for weight in learner.parameters() if weight.requires_grad], lr, weight_decay=0.01)
    few = max(1, min(8, int(tiles.train.counts.min()) // 3))
    return Recipe(
        learner=learner,
        train=FewShot(tiles.train, min(5, len(tiles.train.classes)), (1, few), 5),
        val=_tasks(tiles.val, (1, 5)),
        test=_tasks(tiles.test, 1),
        optimizer=optimizer,
        steps=steps,
        batch=batch,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        validate_every=max(1, steps // 6),
        val_tasks=val_tasks,
        reads=backbone.reads,
        digest=tiles.digest,
        read=tiles,
    )


def _encoder(index: ClassIndex) -> nn.Module:
    """Two blocks of unit length, with a weight each; their linear maps start as the identity."""
    bands = ColumnRange(_MAPS, _MAPS + _BANDS)
    both = ColumnRange(0, _MAPS + _BANDS)
    blocks = {
        "maps": Chained(
            [both, FeatureScales.fitted(_through(both, index)), LinearMap(both.features, dropout=0.3)], both.features
        ),
        "bands": Chained([bands, RankGaussian.fitted(_through(bands, index)), LinearMap(_BANDS, dropout=0.1)], _BANDS),
    }
    return WeightedBlocks(blocks)


def _through(part: nn.Module, index: ClassIndex) -> ClassIndex:
    """The index with what a network makes of its rows."""
    return ClassIndex(part(index.gather(torch.arange(len(index)))), index.labels, index.classes, index.name)


def _tasks(index: ClassIndex, shots: int | tuple[int, int]) -> FewShot:
    return FewShot(index, min(5, len(index.classes)), shots, 5)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    tiles: Photos = recipe.read
    ways = min(5, len(tiles.test.classes))
    most = int(min(tiles.val.counts.min(), tiles.test.counts.min())) // 3
    promised = {1: (Promise(0.03),), 5: (Promise(0.015),), 10: ()}
    return {
        f"{ways}-way {shots}-shot": setting_by_group(_tasks(tiles.test, shots), _tasks(tiles.val, shots), shots, promises)
        for shots, promises in promised.items()
        if shots <= most
    }


def _band_ranks(index: ClassIndex) -> nn.Module:
    bands = ColumnRange(_MAPS, _MAPS + _BANDS)
    return Chained([bands, RankGaussian.fitted(_through(bands, index))], _BANDS)


def _all_ranks(index: ClassIndex) -> nn.Module:
    layer = RankGaussian.fitted(index)
    return Chained([layer, UnitLength()], layer.quantiles.shape[1])


_FEATURES = {"ranks of bands": _band_ranks, "ranks of bands and maps": _all_ranks}

satellite_imagery = Application(
    name="satellite-imagery",
    title="New types of land cover in new regions, from a few labelled tiles of each",
    who="People who map land from satellite images, and need a type that no map has yet, where only a few tiles are labelled.",
    bring=(
        "A folder or ZIP of colour tiles with manifest.csv: the columns file, class, lat and lon (degrees of the centre; tiles "
        "of one block of 15 by 15 degrees never are on both sides of a task). Beside it splits.json, which says which types are "
        "of meta-training, meta-validation and meta-test."
    ),
    limits=(
        "It names the likeliest of the types that it was shown. Tiles here are 32 pixels of 7 kilometres: land cover of regions, "
        "no houses or roads. Types that differ in no band and in no texture stay alike."
    ),
    data=(
        "1,348 tiles of 13 types: NASA Blue Marble (public domain; NASA asks for credit) with labels of MODIS MCD12C1 for 2019 "
        "(doi 10.5067/MODIS/MCD12C1.006)."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=classifiers(_FEATURES)
    | {"random forest": random_forest(_FEATURES, tasks=100), "logistic regression on pixels": pixels},
    unit="regions of 15 degrees",
    metrics=(log_loss, ece),
    quick={"steps": 6, "val_tasks": 5},
)
