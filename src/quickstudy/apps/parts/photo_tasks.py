"""Tasks of images that belong to photographs or regions: fixed lists, and intervals for other photographs or regions."""

from pathlib import Path
from typing import NamedTuple

import torch

from quickstudy.apps.application import Setting
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.image_manifest import parts_of_classes
from quickstudy.datasets.manifest import digest_of_files, files_below
from quickstudy.errors import Argument, DataError
from quickstudy.nn.backbones.catalogue import build
from quickstudy.nn.frozen import Frozen
from quickstudy.reports.promise import Promise
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of

__all__ = ["TASK_SEED", "Photos", "checked_parts", "digest_of_images", "frozen_backbone", "setting_by_group"]

_TASKS, TASK_SEED = 300, 1_000


def setting_by_group(
    source: FewShot, val: FewShot, shots: int, promises: tuple[Promise, ...] = (), *, seed: int = TASK_SEED
) -> Setting:
    """A list of 300 tasks, whose units are the groups of the index: those of all images of a task.

    Args:
        source: of the tasks.
        val: of meta-validation, for baselines.
        shots: place on the axis.
        promises: as of `Setting`.
        seed: of the list.
    """
    plan = source.plan(_TASKS, generator_of(seed))
    if source.index.groups is None:
        return Setting(source, val, shots, plan=plan, promises=promises)
    rows = torch.cat([plan.support_rows, plan.query_rows], 1)
    real = torch.cat([plan.support_mask, plan.query_mask], 1)
    units = torch.where(real, source.index.groups[rows], -1)
    return Setting(source, val, shots, plan=plan, units=units, promises=promises)


class Photos(NamedTuple):
    """Images, or features of them, of the classes of each part, and the digest of the files."""

    train: ClassIndex
    val: ClassIndex
    test: ClassIndex
    digest: str


def frozen_backbone(name: str, size: int) -> Frozen:
    """A pretrained backbone for images of that side."""
    found = build(name, size=size)
    assert isinstance(found, Frozen)
    return found


def checked_parts(index: ClassIndex, path: Path, what: str = "classes") -> dict[str, tuple[str, ...]]:
    """The classes of meta-training, meta-validation and meta-test, two or more in each.

    Args:
        index: of all images.
        path: of them.
        what: a class is called, in the plural.

    Raises:
        DataError: a part has less than two.
    """
    parts = parts_of_classes(index, path)
    for part in Splits._fields:
        if len(parts[part]) < 2:
            raise DataError(
                f'{path}: the part "{part}" has {len(parts[part])} {what}, and needs two. Give more in ', Argument("data"), "."
            )
    return parts


def digest_of_images(path: Path) -> str:
    """Of a folder or a ZIP; other images have another one."""
    return digest_of_files([path], path.parent) if path.is_file() else digest_of_files(files_below(path), path)
