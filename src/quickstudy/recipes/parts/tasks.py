"""The three sources of a recipe."""

from dataclasses import dataclass
from typing import Any

from quickstudy.datasets.class_index import Splits
from quickstudy.inputs.kind import InputKind
from quickstudy.recipes.parts.practice import AugmentRotated, Sampler, practice
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import TaskSource

__all__ = ["Tasks", "few_shot", "sinusoids"]


@dataclass(frozen=True)
class Tasks:
    """The three sources of a recipe, and how a raw thing becomes an input, where that is known."""

    train: TaskSource[Any]
    val: TaskSource[Any] | None
    test: TaskSource[Any]
    reads: InputKind | None = None


def few_shot(
    data: Splits,
    train: tuple[int, int, int],
    val: tuple[int, int, int],
    test: tuple[int, int, int],
    *,
    sampler: Sampler = "uniform",
    augment: AugmentRotated = "none",
    steps: int = 0,
) -> Tasks:
    """Few-shot tasks from a data set's splits, each given as (ways, shots, queries).

    Args:
        data: classes of each part.
        train, val, test: sizes of tasks.
        sampler, augment: of meta-training, see `recipes.parts.practice`.
        steps: outer steps; a curriculum reaches its full size after half of them.
    """
    practised = practice(data.train, train, sampler=sampler, augment=augment, steps=steps)
    return Tasks(practised, FewShot(data.val, *val), FewShot(data.test, *test), data.train.reads)


def sinusoids(shots: int) -> Tasks:
    """Sine waves: ten queries in meta-training, otherwise evaluated on 100 points of the curve."""
    return Tasks(Sinusoid(shots, 10), Sinusoid(shots, 100, grid=True), Sinusoid(shots, 100, grid=True))
