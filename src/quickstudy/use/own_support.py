"""How good a predictor is on its user's own examples: each is predicted by a predictor that was not adapted to it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.binary import Binary
from quickstudy.functional.spelled import Spelled
from quickstudy.functional.tree import map_leaves
from quickstudy.inputs.border import finite_outputs
from quickstudy.inputs.explained import explained
from quickstudy.learner import Learner, Predictor
from quickstudy.likelihood import Likelihood
from quickstudy.nn.value import value_of
from quickstudy.reports.intervals import interval_by_bootstrap, interval_of_share, interval_over_tasks
from quickstudy.reports.score import Score
from quickstudy.reports.worlds import bounds_of, clipped
from quickstudy.task import Examples

__all__ = ["LeftOut", "folds_of", "kept_support", "left_out", "predicted_by_others"]

_ONE_BY_ONE = 60
"""Up to so many examples, each is left out alone; of more, a tenth at a time."""
_FOLDS = 10


@dataclass(frozen=True)
class LeftOut:
    """What was predicted for each example of a support set by a predictor of the others.

    Args:
        outputs: (S, N or P); NaN for examples that cannot be left out.
        y: the targets, (S, N or P).
        tried: which examples were left out, (S,).
        folds: how many predictors that took.
        alone: names of the classes of a single example, which cannot be left out: no other example shows the class.
        likelihood: of the outputs.
    """

    outputs: Tensor
    y: Tensor
    tried: Tensor
    folds: int
    alone: tuple[str, ...]
    likelihood: Likelihood

    @property
    def score(self) -> Score | None:
        """The mean over examples with its 95 % interval, for other examples like these; None where none was left out.

        An accuracy or exact match has the Wilson interval of a share, the micro F1 of labels one by bootstrap, any other score a
        t-interval. Examples are taken as independent; that they share most of their support sets is not accounted for.
        """
        if not bool(self.tried.any()):
            return None
        likelihood = self.likelihood
        if likelihood.targets == "labels":
            return self._pooled()
        scores = likelihood.rate(self.outputs[self.tried], self.y[self.tried]).double().tolist()
        value, metric = math.fsum(scores) / len(scores), likelihood.metric
        share = metric in ("accuracy", "exact match")
        interval = interval_of_share(value, len(scores)) if share else clipped(interval_over_tasks(scores), bounds_of(metric))
        kind = f"95 % {'Wilson interval' if share else 't-interval'} over {len(scores):,} examples, for others like them,"
        return Score(metric, likelihood.higher_is_better, value, interval, kind, tuple(scores), bounds_of(metric))

    def _pooled(self) -> Score:
        """Of all examples together: hits and errors are counted over all labels."""
        outputs, y, likelihood = self.outputs[self.tried], self.y[self.tried], self.likelihood

        def of(places: NDArray[np.int64]) -> float:
            rows = torch.from_numpy(places)
            return float(likelihood.score(outputs[rows], y[rows], y.new_ones(len(rows))))

        bounds = bounds_of(likelihood.metric)
        interval = clipped(interval_by_bootstrap(of, len(y)), bounds)
        kind = f"95 % bootstrap interval over {len(y):,} examples, for others like them,"
        return Score(likelihood.metric, likelihood.higher_is_better, of(np.arange(len(y))), interval, kind, bounds=bounds)

    @property
    def score_of_mean(self) -> float | None:
        """Of predicting the mean of the other examples, where targets are values: any predictor should be better."""
        count = len(self.y)
        if self.likelihood.targets != "values" or count < 2 or isinstance(self.likelihood, Spelled):
            return None
        others = (self.y.sum(0) - self.y) / (count - 1)
        if isinstance(self.likelihood, Binary):
            return float(self.likelihood.score(others.logit(1e-6), self.y, self.y.new_ones(count)))
        return float((others - self.y).double().pow(2).mean())  # outputs of a likelihood may be more than values

    @property
    def probabilities(self) -> Tensor:
        """Of the classes, (S, N); NaN for examples that cannot be left out.

        Raises:
            LearnerError: the outputs are no classes.
        """
        if self.likelihood.targets != "classes":
            raise LearnerError("the targets are no classes, so there are no probabilities of classes.")
        return self.likelihood.mean(self.outputs)


def left_out(predictor: Predictor, *, seed: int = 0) -> LeftOut:
    """Predicts each example of a predictor's support set by the same learner adapted to the others.

    Up to 60 examples are left out one by one; more in 10 folds that have as equal shares of each class as possible. Features are
    those that the predictor keeps: nothing is encoded again.

    Args:
        predictor: with its support set.
        seed: of the folds, and of whatever the learner draws.

    Raises:
        LearnerError: the predictor does not keep its support set.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> support = Examples.of([[0.0], [1.0], [8.0], [9.0], [0.5]], [0, 0, 1, 1, 1])
    >>> found = left_out(ProtoNet(torch.nn.Flatten())(support))
    >>> found.score.value, found.folds  # the last one is called 1 and lies among the 0
    (0.8, 5)
    """
    support = kept_support(predictor)
    likelihood = predictor.learner.stated
    classes = likelihood.targets == "classes"
    fold = folds_of(support.labels if classes else torch.zeros(len(support), dtype=torch.long), seed=seed)
    outputs, found = None, sorted(set(fold.tolist()) - {-1})
    with predicted_by_others(predictor, seed) as predict:
        for number in found:
            rows = fold == number
            said = predict(support[~rows], map_leaves(lambda leaf, rows=rows: leaf[rows], support.x))
            if outputs is None:
                outputs = said.new_full((len(support), *said.shape[1:]), math.nan)
            outputs[rows] = said
    counts = support.y.sum(0).long().tolist() if classes else []
    names = predictor.classes or tuple(map(str, range(len(counts))))
    alone = tuple(name for name, count in zip(names, counts, strict=False) if count == 1)
    blank = support.y.new_full(support.y.shape, math.nan)
    return LeftOut(blank if outputs is None else outputs, support.y, fold >= 0, len(found), alone, likelihood)


def kept_support(predictor: Predictor) -> Examples:
    """The encoded support set of a predictor.

    Raises:
        LearnerError: it does not keep it.
    """
    if predictor.support is None:
        raise LearnerError(
            "this predictor does not keep its support set, so it cannot be evaluated on it. Adapt again and keep the examples."
        )
    return predictor.support.trim()


def folds_of(labels: Tensor, *, seed: int = 0) -> Tensor:
    """The number of the fold in which each example is left out, (S,); −1 for the only example of a class.

    >>> folds_of(torch.tensor([0, 0, 1, 2, 2])).tolist()
    [0, 1, -1, 2, 3]
    """
    whole(LearnerError, least=0, seed=seed)
    counts = torch.bincount(labels)
    free = (counts[labels] > 1) if len(labels) else torch.zeros(0, dtype=torch.bool)
    count = int(free.sum())
    found = torch.full((len(labels),), -1)
    if count <= _ONE_BY_ONE:
        found[free] = torch.arange(count)
        return found
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    mixed = mixed[free[mixed]]
    by_class = mixed[labels[mixed].argsort(stable=True)]  # neighbours of one class fall into different folds
    found[by_class] = torch.arange(count) % _FOLDS
    return found


@contextmanager
def predicted_by_others(predictor: Predictor, seed: int = 0) -> Iterator[Any]:
    """Gives a function from an encoded support set and encoded inputs to outputs, by the predictor's learner in eval mode.

    Whatever the learner draws depends on ``seed`` alone.
    """
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        value_of(predictor.learner).lent() as learner,
    ):
        torch.manual_seed(seed)

        def predict(support: Examples, x: Any) -> Tensor:
            return _outputs(learner, support, x)

        yield predict


def _outputs(learner: Learner[Any], support: Examples, x: Any) -> Tensor:
    with explained(learner, lambda: support.x):
        return finite_outputs(learner.predict(learner.adapt(support), x), type(learner).__name__)
