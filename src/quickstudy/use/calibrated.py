"""The threshold for "none of these": calibrated on meta-validation tasks with unknown classes, or on the support set itself."""

from dataclasses import replace

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import LearnerError, TaskError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.functional.tree import map_leaves
from quickstudy.inputs.border import class_names
from quickstudy.learner import Predictor
from quickstudy.metrics.predicted import Predicted
from quickstudy.metrics.rejection import NONE_OF_THESE, Threshold, threshold_of
from quickstudy.task import Examples
from quickstudy.tasks.open_set import OpenSet
from quickstudy.use.own_support import LeftOut, kept_support, left_out, predicted_by_others

__all__ = ["calibrated", "open_tasks", "own_threshold", "tasks_threshold"]

_QUERIES = 5
_UNKNOWN = 5


def calibrated(
    predictor: Predictor, source: OpenSet | None = None, *, found: LeftOut | None = None, tasks: int = 100, seed: int = 0
) -> Predictor:
    """The predictor with a threshold: below it, its answer is "none of these".

    Args:
        predictor: of classes, with its support set.
        source: meta-validation tasks like the predictor's own, see `open_tasks`; None: the support set, example by example.
        found: what was predicted for the examples left out, where that is known already.
        tasks: how many of them.
        seed: of the tasks.

    Raises:
        LearnerError: nothing is right that a threshold could keep, or the outputs are no classes.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> support = Examples.of([[0.0], [0.1], [1.0], [1.2], [2.0], [2.1]], [0, 0, 1, 1, 2, 2])
    >>> predictor = calibrated(ProtoNet(torch.nn.Flatten(), scale=9.0)(support, ["a", "b", "c"]))
    >>> predictor.names([[0.0], [1.55], [2.0]])
    ['a', 'none of these', 'c']
    """
    if predictor.learner.likelihood.targets != "classes":
        raise LearnerError(f"{type(predictor.learner).__name__} names no classes, so no class can be missing among them.")
    if predictor.classes is not None and NONE_OF_THESE in class_names(predictor.classes):
        raise LearnerError(f'a class has the name "{NONE_OF_THESE}", which is the answer where no class fits. Rename it.')
    if source is not None:
        return replace(predictor, threshold=tasks_threshold(predictor, source, tasks=tasks, seed=seed))
    return replace(predictor, threshold=own_threshold(predictor, found, seed=seed))


def open_tasks(predictor: Predictor, index: ClassIndex) -> OpenSet:
    """Tasks like the predictor's own, with as many ways and the median of its shots, and with classes that it cannot know.

    Args:
        predictor: with its support set.
        index: the classes of meta-validation.

    Raises:
        TaskError: there are too few of them, or too few examples of each: probabilities among other numbers of classes
            would not be comparable.
    """
    support = kept_support(predictor)
    counts = support.y.sum(0)
    ways, shots = int((counts > 0).sum()), int(counts[counts > 0].median())
    unknown = min(_UNKNOWN, len(index.classes) - ways)
    if unknown < 1:
        raise TaskError(
            f"{index.name} has {len(index.classes)} classes, too few for tasks of {ways} ways and unknown classes beside them."
        )
    queries = min(_QUERIES, int(index.counts.min()) - shots)
    if queries < 1:
        raise TaskError(f"{index.name} has classes of {int(index.counts.min())} examples, too few for {shots} shots and a query.")
    return OpenSet(index, ways, shots, queries, unknown=unknown)


def tasks_threshold(predictor: Predictor, source: OpenSet, *, tasks: int = 100, seed: int = 0) -> Threshold:
    """The threshold that keeps 95 % of the right answers in tasks with unknown classes.

    Raises:
        LearnerError: no right answer in any task.
    """
    right: list[Tensor] = []
    unknown: list[Tensor] = []

    def look(predicted: Predicted, y: Tensor) -> None:
        sure, best = predicted.probabilities.max(1)
        known = y.sum(1) > 0
        right.append(sure[known & (y.argmax(1) == best)])
        unknown.append(sure[~known])

    evaluate(predictor.learner, source, tasks=tasks, seed=seed, watch=look)
    return threshold_of(torch.cat(right), torch.cat(unknown), f"{tasks} meta-validation tasks: {source.name}")


def own_threshold(predictor: Predictor, found: LeftOut | None = None, *, seed: int = 0) -> Threshold:
    """The threshold that keeps 95 % of the right answers on the support set, each example left out.

    What it accepts of unknown classes is measured where there are three classes or more. Each class in turn is unknown to a
    predictor of the others, whose threshold is found by the same rule among the other classes alone: among fewer classes
    probabilities are larger, and so is the threshold.

    Args:
        predictor: with its support set.
        found: what was predicted for the examples left out, where that is known already.
        seed: of whatever the learner draws.

    Raises:
        LearnerError: no example is right when it is left out, or none can be left out.
    """
    whole(LearnerError, least=0, seed=seed)
    found = left_out(predictor, seed=seed) if found is None else found
    support = kept_support(predictor)
    labels, source = support.labels, "the support set, each example left out"
    rows = found.tried
    right = _right(predictor.learner.stated.mean(found.outputs[rows]), labels[rows])
    if not len(right):
        raise LearnerError(
            "no example was named rightly by the others, so there is nothing to calibrate a threshold on. Give more "
            "examples of each class."
        )
    threshold = threshold_of(right, None, source)
    accepted, unknown = _accepted(predictor, found, seed)
    if not unknown:
        return threshold
    rate = accepted / unknown
    return replace(threshold, source=f"{source}, and each class in turn", unknown=unknown, false_accepts=rate)


def _right(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Probabilities of the best class, of the examples of which it is the class."""
    sure, best = probabilities.max(1)
    return sure[best == labels]


def _accepted(predictor: Predictor, found: LeftOut, seed: int) -> tuple[int, int]:
    """How many examples of a class that is left out get a class all the same, and of how many."""
    support = kept_support(predictor)
    labels, mean = support.labels, predictor.learner.stated.mean
    present = (support.y.sum(0) > 0).nonzero().flatten().tolist()
    accepted = unknown = 0
    if len(present) < 3:
        return 0, 0
    with predicted_by_others(predictor, seed) as predict:
        for column in present:
            of = labels == column
            others = [other for other in range(support.y.shape[1]) if other != column]
            known = found.tried & ~of
            right = _right(mean(found.outputs[known][:, others]), support.y[known][:, others].argmax(1))
            if not len(right):
                continue
            fewer = support[~of]
            encoded = map_leaves(lambda leaf, of=of: leaf[of], support.x)
            sure = mean(predict(Examples(fewer.x, fewer.y[:, others], fewer.mask), encoded)).amax(1)
            least = threshold_of(right, None, "others").least
            accepted, unknown = accepted + int((sure.double() >= least).sum()), unknown + int(of.sum())
    return accepted, unknown
