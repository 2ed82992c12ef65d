"""How much of a map that was fitted to some classes helps others: chosen by leaving classes out, within meta-training.

Source of the rule of one standard error: Breiman, Friedman, Olshen & Stone, 1984, Classification and regression trees.
"""

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.functional.distances import cosine_distance
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.recipes.parts.recipe import VAL_SEED
from quickstudy.tasks.few_shot import FewShot

__all__ = ["chosen_strength"]

_PARTS = 3


def chosen_strength(
    index: ClassIndex,
    encoder: Callable[[Sequence[int], float], nn.Module],
    *,
    strengths: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
    shots: Sequence[int] = (1, 5),
    tasks: int = 100,
) -> float:
    """The strength with which a map, fitted to a third of the meta-training classes, helps tasks of all others.

    Nearest centroids by cosine are evaluated on tasks of classes that the map was not fitted to, as those of meta-test will not
    have been: tasks with classes of the fit would favour too strong a map. Taken is the first strength whose accuracy is within
    one standard error (of paired differences, over tasks) of the best.

    Args:
        index: meta-training classes, three or more.
        encoder: the map, fitted to the classes of these numbers, at a strength.
        strengths: to choose from, the most careful first.
        shots: of the tasks.
        tasks: of each third and number of shots.

    Raises:
        DataError: fewer than three classes.
    """
    count = len(index.classes)
    if count < _PARTS:
        raise DataError(
            f"{index.name} has {count} classes. To choose by leaving classes out, meta-training needs three or more. Give more "
            "classes, or the strength itself."
        )
    scores: list[list[float]] = [[] for _ in strengths]
    for part in range(_PARTS):
        seen = list(range(part, count, _PARTS))
        others = index.select([number for number in range(count) if number not in seen])
        smallest = int(others.counts.min())
        sources = [FewShot(others, min(5, len(others.classes)), k, min(5, max(1, smallest // 3 - k))) for k in shots]
        for found, strength in zip(scores, strengths, strict=True):
            learner = ProtoNet(encoder(seen, strength), distance=cosine_distance, scale=10.0)
            for source in sources:
                found += evaluate(learner, source, tasks=tasks, seed=VAL_SEED).scores
    table = np.array(scores)
    behind = table[table.mean(1).argmax()] - table
    near = behind.mean(1) <= behind.std(1, ddof=1) / behind.shape[1] ** 0.5
    return strengths[int(near.argmax())]
