"""One encoded batch, or one task, scored: what `evaluate` does in this process or in several."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import UserError
from quickstudy.evaluation.columns import units_of
from quickstudy.evaluation.outside import as_baseline, name_of
from quickstudy.execution.batching import over_tasks, trimmed
from quickstudy.execution.seeding import seed_generators
from quickstudy.inputs.explained import explained, first_rows
from quickstudy.learner import Learner, evaluating
from quickstudy.likelihood import Likelihood
from quickstudy.metrics.predicted import Predicted
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import generator_of

__all__ = ["Outside", "score_batch", "score_task", "seeded", "timed"]


@contextmanager
def seeded(seed: int, number: int) -> Iterator[None]:
    """PyTorch's generators begin at ``(seed, number)``, and are set back afterwards.

    Args:
        seed: of the evaluation.
        number: of the task, or of the first in a batch.
    """
    with torch.inference_mode(False), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        seed_generators(_drawn(seed, number))
        yield


@contextmanager
def _all_seeded(seed: int, number: int) -> Iterator[None]:
    """As `seeded`, and the generators of Python and NumPy, which other libraries draw from."""
    python, numpy, drawn = random.getstate(), np.random.get_state(), _drawn(seed, number)
    with seeded(seed, number):
        random.seed(drawn)
        np.random.seed(drawn % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def _drawn(seed: int, number: int) -> int:
    return int(torch.randint(2**62, (), generator=generator_of(seed, -1 - number)))


def score_batch(learner: Learner[Any], tasks: Task, way: Literal["vmap", "loop"], seed: int, first: int) -> tuple[Tensor, Tensor]:
    """Scores (B,) and outputs (B, Q, …) of encoded tasks; those of padded queries are 0 in a loop.

    Args:
        learner: to be evaluated.
        tasks: encoded by it.
        way: in which it is mapped over them.
        seed: of the evaluation.
        first: number of the first task, on which the random numbers depend with the seed.
    """
    likelihood = learner.stated

    def answer(task: Task) -> tuple[Tensor, Tensor]:
        outputs = learner.predict(learner.adapt(task.support), task.query.x)
        return likelihood.score(outputs, task.query.y, task.query.mask), outputs

    def answer_real(task: Task) -> tuple[Tensor, Tensor]:
        score, outputs = trimmed(answer)(task)
        blank = outputs.new_zeros(len(task.query), *outputs.shape[1:])
        return score, blank.index_put(torch.where(task.query.mask), outputs)

    with seeded(seed, first), torch.no_grad(), evaluating(learner), explained(learner, first_rows(tasks)):
        found, said = over_tasks(answer_real if way == "loop" else answer, tasks, way)
    return found, said


@dataclass(frozen=True)
class Outside:
    """A model of another library, as it was given, and what it is evaluated on.

    Args:
        model: an estimator, the class of one, or a function.
        likelihood: of the targets.
        source: the name of the tasks.
        seed: of the evaluation.
    """

    model: Any
    likelihood: Likelihood
    source: str
    seed: int


def score_task(given: Outside, support: Examples, query: Examples, number: int) -> tuple[float, Predicted, float]:
    """The score of one task, what was predicted, and the seconds of learning.

    Args:
        given: the model.
        support, query: real rows and columns.
        number: of the task, on which the random numbers depend with the seed.

    Raises:
        UserError: of the kind that the model raised; others get a note with the number of the task.
    """
    name = name_of(given.model)
    try:
        with _all_seeded(given.seed, number):
            took, predict = timed(as_baseline(given.model, given.likelihood), support)
            predicted = replace(Predicted.by_function(predict(query.x), query.y, given.likelihood), unit=units_of(query.x))
    except UserError as error:
        raise type(error)(f"{name}, task {number} (the first is 0): {error}") from error
    except Exception as error:
        error.add_note(f"This was raised by {name} in task {number} (the first is 0) of {given.source}.")
        raise
    return float(predicted.likelihood.score(predicted.outputs, query.y, query.mask)), predicted, took


def timed(fn: Callable[[Any], Any], argument: Any) -> tuple[float, Any]:
    """Seconds, and the result."""
    began = time.perf_counter()
    result = fn(argument)
    return time.perf_counter() - began, result
