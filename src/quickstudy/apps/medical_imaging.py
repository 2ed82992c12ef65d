"""Medical imaging: cell types that were never trained on, told apart by a few labelled images of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim import Adam

from quickstudy.apps.application import Application, Setting
from quickstudy.apps.parts.photo_baselines import classifiers, pixels, weighted_logistic_regression
from quickstudy.apps.parts.photo_tasks import digest_of_images, frozen_backbone, setting_by_group
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.encoded import encoded
from quickstudy.datasets.image_manifest import image_manifest, parts_of_classes
from quickstudy.datasets.shipped import shipped
from quickstudy.errors import Argument, DataError
from quickstudy.learners.closed_form.logistic_by_shots import LogisticByShots
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.metrics.calibration import abstention_auroc, ece
from quickstudy.metrics.classes import log_loss
from quickstudy.nn.chained import Chained
from quickstudy.nn.feature_map import Whitening
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.rank_gaussian import RankGaussian
from quickstudy.nn.standardised import UnitLength
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.recipes.parts.strength import chosen_strength
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.open_set import OpenSet

__all__ = ["medical_imaging"]

_RANK, _FLOOR = 150, 1.0
_PROMISED = (Promise(0.02),)
_SEED = 1_001
"""Of the lists of tasks: on that of 1,000 an earlier recipe was evaluated."""

_SMALLEST = 15
"""Images of a class of meta-test: less leave nothing to be evaluated on."""

_LOOK_ALIKES = ("lymphocyte", "monocyte")


class _Cells(NamedTuple):
    """Features of the known types and of the unseen ones, and the digest of the files."""

    train: ClassIndex
    test: ClassIndex
    digest: str


def _read(data: str, size: int) -> tuple[Frozen, _Cells]:
    path = Path(data) if data else shipped("medical/blood_cells.zip")
    backbone = frozen_backbone("efficientnet-maps", size)
    index = image_manifest(path, reads=backbone.reads, group="source_image", name=path.stem)
    parts = parts_of_classes(index, path)
    counts = dict(zip(index.classes, index.counts.tolist(), strict=True))
    unseen = [label for label in (*parts["test"], *parts["val"]) if counts[label] >= _SMALLEST]
    if len(unseen) < 2:
        raise DataError(
            f"{path} has {len(unseen)} types of {_SMALLEST} images or more for meta-test. Put more images, or more types, into ",
            Argument("data"),
            ".",
        )
    known = index.select(parts["train"], f"{index.name}/known types")
    rest = index.select(sorted(unseen), f"{index.name}/unseen types")
    return backbone, _Cells(encoded(known, backbone), encoded(rest, backbone), digest_of_images(path))


def _recipe(
    *, data: Any = "", size: int = 128, strength: float | None = None, steps: int = 10, batch: int = 4, lr: float = 0.003
) -> Recipe:
    """Whitening within the known types, under a logistic regression whose penalty and scale follow the number of shots.

    Args:
        data: a folder or a ZIP of images with manifest.csv (file, class, source_image).
        size: side of the images, in pixels.
        strength: of the whitening; by default it is chosen on meta-training types that it was not fitted to.
        steps: outer steps, in which six numbers are learned; few, because known types are told apart without error,
            and longer training makes probabilities surer without end.
        batch: tasks in a step.
        lr: step size at its peak.
    """
    backbone, cells = (frozen_backbone("efficientnet-maps", size), data) if isinstance(data, _Cells) else _read(data, size)
    train, test, digest = cells
    chosen = chosen_strength(train, lambda seen, p: _encoder(train, p, seen)) if strength is None else strength
    learner = OnFeatures(backbone, LogisticByShots(_encoder(train, chosen)))
    ways = len(train.classes)
    few = max(1, min(10, int(train.counts.min()) // 3))
    optimizer = Adam([weight for weight in learner.parameters() if weight.requires_grad], lr)
    return Recipe(
        learner=learner,
        train=FewShot(train, (2, ways), (1, few), 5),
        val=None,
        test=FewShot(test, min(3, len(test.classes)), 1, 5),
        optimizer=optimizer,
        steps=steps,
        batch=batch,
        schedule=one_cycle(optimizer, steps),
        reads=backbone.reads,
        became={"strength": chosen},
        digest=digest,
        read=cells,
    )


def _encoder(index: ClassIndex, strength: float, seen: Sequence[int] | None = None) -> nn.Module:
    """Features as ranks, whitened within the classes ``seen``, by default all."""
    ranks = RankGaussian.fitted(index, of=seen)
    with torch.no_grad():
        rows = ClassIndex(ranks(index.gather(torch.arange(len(index)))), index.labels, index.classes, index.name)
    width = ranks.quantiles.shape[1]
    whitening = Whitening.fitted(rows, min(_RANK, width), strength=strength, floor=_FLOOR, learn=False, of=seen)
    return Chained([ranks, whitening], width)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    cells: _Cells = recipe.read
    found: dict[str, Setting] = {}
    ways = min(3, len(cells.test.classes))
    for shots in (1, 5, 10):
        queries = min(5, (int(cells.test.counts.min()) - 2 * shots) // 2 + 3)
        if queries >= 1 and int(cells.test.counts.min()) >= 2 * shots:
            source = FewShot(cells.test, ways, shots, queries)
            found[f"{ways}-way {shots}-shot"] = setting_by_group(source, _val(cells, ways, shots), shots, _PROMISED, seed=_SEED)
    if set(_LOOK_ALIKES) <= set(cells.test.classes):
        pair = cells.test.select(_LOOK_ALIKES, f"{cells.test.name} that look alike")
        for shots in (1, 5):
            source = FewShot(pair, 2, shots, 5)
            found[f"look-alikes, {shots}-shot"] = setting_by_group(source, _val(cells, 2, shots), shots, seed=_SEED)
    if ways > 2:
        source = OpenSet(cells.test, 2, 5, 5)
        found["2-way 5-shot and a third type"] = setting_by_group(source, _val(cells, 2, 5), 5, seed=_SEED)
    return found


def _val(cells: _Cells, ways: int, shots: int) -> FewShot:
    """Tasks of the known types, on which baselines are tuned."""
    return FewShot(cells.train, min(ways, len(cells.train.classes)), min(shots, int(cells.train.counts.min()) // 3), 5)


def _ranks(index: ClassIndex) -> nn.Module:
    layer = RankGaussian.fitted(index)
    return Chained([layer, UnitLength()], layer.quantiles.shape[1])


_FEATURES = {"ranks of unit length": _ranks}

medical_imaging = Application(
    name="medical-imaging",
    title="Cell types that were never trained on, from a few labelled images of each",
    who="People with images of cells, tissue or scans, many of common types and a handful of the rare ones that matter.",
    bring=(
        "A folder or ZIP of images with manifest.csv: the columns file, class and source_image (the photograph, slide or patient "
        "that an image is from: support and query never share one). Beside it splits.json, which says which types are known "
        "(train, three or more) and which are new (val and test)."
    ),
    limits=(
        "It ranks types by likeness to a few examples, and can abstain below a probability. It is no diagnosis: no doctor "
        "checked the labels of these images, and the numbers are of photographs from one microscope."
    ),
    data=(
        "645 crops of blood cells at 64 x 64 pixels out of 337 photographs (BCCD, MIT licence; the types of white cells are from "
        "a table without a licence, so the images do not come with quickstudy)."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines=classifiers(_FEATURES)
    | {
        "class-weighted logistic regression": weighted_logistic_regression(_FEATURES),
        "logistic regression on pixels": pixels,
    },
    unit="photographs",
    metrics=(log_loss, ece, abstention_auroc),
    quick={"steps": 4, "strength": 0.5},
)
