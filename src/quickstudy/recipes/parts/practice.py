"""Samplers and augmentations of meta-training tasks, by their names on the command line; all other tasks stay unchanged.

Sources: Kumar, Deleu & Bengio, 2023, The effect of diversity in meta-learning; Ni, Goldblum, Sharaf, Kong & Goldstein, 2021, Data
augmentation for meta-learning. What these help is measured in docs/samplers.md.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.derived import mixed_classes, rotated_classes
from quickstudy.tasks.augmented_images import AugmentedImages
from quickstudy.tasks.curriculum import Curriculum, growing
from quickstudy.tasks.diverse import Diverse
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.samplers import Balanced, ClassSampler, EachOnce, Hard
from quickstudy.tasks.source import TaskSource

__all__ = ["Augment", "AugmentRotated", "Sampler", "augmented", "more_classes", "practice"]

Sampler = Literal["uniform", "balanced", "each-once", "hard", "diverse", "curriculum"]
"""Which classes a meta-training task is made of; "curriculum" draws uniformly, a quarter of the ways at first."""

Augment = Literal["none", "images", "mixed"]
"""Each image changed a little, or new classes mixed of two."""

AugmentRotated = Literal["none", "images", "mixed", "rotated"]
"""The same, or each class rotated by quarter turns as three more, where rotated ones are not classes already."""

_SAMPLERS: Mapping[str, Callable[[ClassIndex], ClassSampler]] = {
    "balanced": Balanced,
    "each-once": EachOnce,
    "hard": Hard,
    "diverse": Diverse,
}


def practice(
    index: ClassIndex, sizes: tuple[int, int, int], *, sampler: Sampler, augment: AugmentRotated, steps: int
) -> TaskSource[Any]:
    """Meta-training tasks of an index's classes.

    Args:
        index: classes of meta-training.
        sizes: ways, shots and queries.
        sampler: see `Sampler`.
        augment: see `AugmentRotated`.
        steps: outer steps of meta-training; a curriculum reaches its full size after half of them.
    """
    index = more_classes(index, augment)
    make = _SAMPLERS.get(sampler)
    source = FewShot(index, *sizes, classes=make(index) if make is not None else None)
    if sampler == "curriculum":
        ways, shots, _ = sizes
        source = Curriculum(source, growing((min(ways, max(2, ways // 4)), shots), (ways, shots), steps // 2))
    return augmented(source, augment)


def more_classes(index: ClassIndex, augment: AugmentRotated) -> ClassIndex:
    """The index with the new classes that ``augment`` names, if any."""
    if augment == "rotated":
        return rotated_classes(index)
    return mixed_classes(index) if augment == "mixed" else index


def augmented(source: TaskSource[Any], augment: AugmentRotated) -> TaskSource[Any]:
    """The source with augmented images, if ``augment`` says so."""
    return AugmentedImages(source) if augment == "images" else source
