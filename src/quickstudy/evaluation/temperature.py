"""A temperature for a learner's probabilities, fitted on the held-out queries of meta-validation tasks."""

from typing import Any

from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learner import Learner
from quickstudy.likelihood import Categorical
from quickstudy.metrics.predicted import Predicted, pool
from quickstudy.metrics.temperature import Temperature, temperature_of
from quickstudy.tasks.source import TaskSource

__all__ = ["fit_temperature"]


def fit_temperature(
    learner: Learner[Any], source: TaskSource[Any], *, tasks: int = 200, seed: int = 0, jobs: int | None = None
) -> Temperature:
    """The temperature of least log-loss on the queries of tasks that the learner was not trained on.

    Set it, and predictors made from then on, reports, files and exports state probabilities at it; no answer changes:
    ``learner.calibration = fit_temperature(learner, val)``. Meta-test tasks are not for fitting.

    Args:
        learner: of classes.
        source: of meta-validation tasks, like those that it will get.
        tasks: how many.
        seed: of the list.
        jobs: as for `evaluate`.

    Raises:
        LearnerError: outputs are no logits of classes, or all are right.

    Source: Guo, Pleiss, Sun & Weinberger, 2017, On calibration of modern neural networks.

    >>> import torch
    >>> from quickstudy import datasets, learners, tasks
    >>> source = tasks.FewShot(datasets.glyphs().val, ways=5, shots=1, queries=5)
    >>> learner = learners.ProtoNet(torch.nn.Flatten())  # squared distances of pixels: far too sure
    >>> learner.calibration = fit_temperature(learner, source, tasks=20)
    >>> learner.calibration.value > 1, learner.calibration.calibration_error[1] < learner.calibration.calibration_error[0]
    (True, True)
    """
    if type(learner.likelihood) is not Categorical:
        raise LearnerError(f"{learner.title} has no logits of classes, which alone have a temperature.")
    seen: list[tuple[Predicted, Tensor]] = []

    def look(predicted: Predicted, y: Tensor) -> None:
        seen.append((Predicted.of(predicted.outputs, Categorical()), y))

    evaluate(learner, source, tasks=tasks, seed=seed, watch=look, jobs=jobs)
    return temperature_of(*pool(seen), f"{tasks:,} tasks of {source.name}")
