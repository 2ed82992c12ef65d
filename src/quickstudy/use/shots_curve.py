"""What more examples brought: the score of a user's own examples by the number of examples of each class."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Predictor
from quickstudy.reports.words import difference, is_share
from quickstudy.use.own_support import kept_support, predicted_by_others

__all__ = ["CurvePoint", "shots_curve", "what_more_brings"]

_SHOTS = (1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class CurvePoint:
    """The score with some examples of each class.

    Args:
        shots: examples of each class; of a class with fewer, all but those that are predicted. For values: examples in all.
        scores: one for each draw, the mean over the examples that were predicted.
        queries: how many examples were predicted in each draw.
        metric: of the scores.
        higher_is_better: of the metric.
    """

    shots: int
    scores: tuple[float, ...]
    queries: int
    metric: str = "accuracy"
    higher_is_better: bool = True

    @property
    def mean(self) -> float:
        return math.fsum(self.scores) / len(self.scores)

    @property
    def spread(self) -> float:
        """The standard deviation over draws; 0 for a single one."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else 0.0


def shots_curve(predictor: Predictor, shots: Sequence[int] = _SHOTS, *, draws: int = 20, seed: int = 0) -> list[CurvePoint]:
    """The score by shots, each the mean over draws from a predictor's own support set.

    In a draw, each class's examples are put in a random order: the first k are the support set of k shots, and what follows the
    largest k is predicted, the same for every k. So two points of a draw differ in nothing but the number of examples. A class
    of a single example is in every support set and is never predicted. Listed are the k of ``shots`` that leave at least
    half of the classes an example to predict.

    Args:
        predictor: with its support set.
        shots: numbers of examples to try.
        draws: how many.
        seed: of the draws, and of whatever the learner draws.

    Returns:
        A point for each number of shots; none if no class has two examples.

    Raises:
        LearnerError: the predictor does not keep its support set, or no draws.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> support = Examples.of([[0.0], [1.0], [1.0], [8.0], [8.0], [9.0]], [0, 0, 0, 1, 1, 1])
    >>> [(point.shots, point.mean) for point in shots_curve(ProtoNet(torch.nn.Flatten())(support))]
    [(1, 1.0), (2, 1.0)]
    """
    whole(LearnerError, draws=draws)
    support = kept_support(predictor)
    likelihood = predictor.learner.likelihood
    classes = likelihood.targets == "classes"
    labels = support.labels if classes else torch.zeros(len(support), dtype=torch.long)
    counts = torch.bincount(labels)
    counts = counts[counts > 0]
    usable = sorted({k for k in shots if int((counts > k).sum()) * 2 >= len(counts)})
    if not usable:
        return []
    generator = torch.Generator().manual_seed(seed)
    scores: dict[int, list[float]] = {k: [] for k in usable}
    queries = 0
    with predicted_by_others(predictor, seed) as predict:
        for _ in range(draws):
            place, most = _places(labels, generator)
            query = place >= torch.minimum(torch.full_like(most, usable[-1]), most)
            queries = int(query.sum())
            x = map_leaves(lambda leaf, query=query: leaf[query], support.x)
            for k in usable:
                outputs = predict(support[(place < k) & ~query], x)
                scores[k].append(float(likelihood.score(outputs, support.y[query], support.mask[query])))
    return [CurvePoint(k, tuple(scores[k]), queries, likelihood.metric, likelihood.higher_is_better) for k in usable]


def _places(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random place of each example among those of its class, and how many of its class may be in a support set."""
    order = torch.randperm(len(labels), generator=generator)
    counts = torch.bincount(labels)
    by_class = order[labels[order].argsort(stable=True)]
    starts = counts.cumsum(0) - counts
    place = torch.empty_like(order)
    place[by_class] = torch.arange(len(labels)) - starts[labels[by_class]]
    return place, (counts - 1).clamp(min=1)[labels]


def what_more_brings(points: Sequence[CurvePoint]) -> str:
    """What the curve shows of its last step, in a sentence; it promises nothing beyond the last point.

    >>> what_more_brings([CurvePoint(1, (0.5, 0.6, 0.8), 9), CurvePoint(2, (0.8, 0.9, 0.8), 9)])
    'From 1 to 2 examples: accuracy +20.0 points (better in 2 and worse in 0 of 3 draws). More than 2 were not tried.'
    """
    if len(points) < 2:
        return "There are too few examples of each class to see what more of them bring."
    before, last = points[-2], points[-1]
    gains = [b - a for a, b in zip(before.scores, last.scores, strict=True)]
    ups, downs = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    better, worse = (ups, downs) if last.higher_is_better else (downs, ups)
    share = is_share(last.metric)
    change = difference(math.fsum(gains) / len(gains), last.metric, digits=1 if share else 4)
    return (
        f"From {before.shots} to {last.shots} examples: {last.metric} {change}{' points' if share else ''} "
        f"(better in {better} and worse in {worse} of {len(gains)} draws). More than {last.shots} were not tried."
    )
