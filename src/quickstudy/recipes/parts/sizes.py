"""The sizes of a recipe's tasks, as arguments; those that are not given follow the data."""

from dataclasses import dataclass, replace
from typing import Annotated

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.recipes.parts.checked import AtLeast
from quickstudy.recipes.parts.practice import AugmentRotated, Sampler

__all__ = ["Sizes"]

_Auto = AtLeast(0)
_WAYS, _QUERIES, _TRAIN_QUERIES = 5, 15, 5


@dataclass(frozen=True)
class Sizes:
    """Tasks.

    Args:
        ways: classes in a meta-test task; 0 takes 5, or as many as there are.
        shots: support examples of each class in a meta-test task.
        queries: query examples of each class in a meta-test task; 0 takes 15, or as many as the smallest class leaves.
        train_ways: classes in a meta-training task; more is harder and teaches more; 0 takes what suits learner and data.
        train_shots: support examples of each class in meta-training; 0 takes as many as in meta-test.
        train_queries: query examples of each class in meta-training; 0 takes 5, or as many as the smallest class leaves.
        val_ways: classes in a meta-validation task; 0 takes as many as in meta-test.
        val_queries: query examples of each class in meta-validation; 0 takes 5, or as many as the smallest class leaves.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes rotated, or mixed of two.
    """

    ways: Annotated[int, _Auto] = 0
    shots: int = 1
    queries: Annotated[int, _Auto] = 0
    train_ways: Annotated[int, _Auto] = 0
    train_shots: Annotated[int, _Auto] = 0
    train_queries: Annotated[int, _Auto] = 0
    val_ways: Annotated[int, _Auto] = 0
    val_queries: Annotated[int, _Auto] = 0
    sampler: Sampler = "uniform"
    augment: AugmentRotated = "none"

    def on(self, splits: Splits, most_ways: int | None) -> "Sizes":
        """These sizes with every 0 decided by the data.

        Args:
            splits: of the data.
            most_ways: classes that suit a meta-training task of the learner; None: it takes as many as in meta-test, no others.
        """
        ways = self.ways or min(_WAYS, *[len(index.classes) for index in splits])
        train_ways = self.train_ways or (ways if most_ways is None else min(most_ways, len(splits.train.classes)))
        train_shots = self.train_shots or self.shots
        return replace(
            self,
            ways=ways,
            queries=self.queries or _left(splits.test, self.shots, _QUERIES),
            train_ways=train_ways,
            train_shots=train_shots,
            train_queries=self.train_queries or _left(splits.train, train_shots, _TRAIN_QUERIES),
            val_ways=self.val_ways or (ways if most_ways is None else min(ways, len(splits.val.classes))),
            val_queries=self.val_queries or _left(splits.val, self.shots, _TRAIN_QUERIES),
        )


def _left(index: ClassIndex, shots: int, most: int) -> int:
    """Rows that each class has left for queries, at most so many; at least one, which `FewShot` refuses if there is none."""
    return max(1, min(most, int(index.counts.min()) - shots))
