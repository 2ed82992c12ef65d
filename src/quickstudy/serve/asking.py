"""Questions to the tasks of one learner: all that wait are looked up in one reading of the data base and predicted together."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.errors import TaskError, UserError
from quickstudy.functional.tree import leading, map_leaves, split
from quickstudy.inputs.images import Images
from quickstudy.learner import Predictor
from quickstudy.serve.at_once import AtOnce
from quickstudy.serve.database import Database
from quickstudy.serve.kept import Kept
from quickstudy.serve.limits import Limits
from quickstudy.serve.raw import inputs_of, things_of
from quickstudy.serve.served import Served
from quickstudy.serve.stored import Bearer, StoredTask
from quickstudy.serve.together import predicted_each
from quickstudy.task import Inputs

__all__ = ["Answered", "Asking", "Question", "wrong_learner"]

_ROWS = 64
_LOADING = 4


@dataclass(frozen=True)
class Question:
    """A question: by whom, to which task and version (None: the last), and raw queries or inputs that were read already."""

    who: str | Bearer
    task: str
    version: int | None
    queries: Sequence[Any] = ()
    x: Inputs = None


class Answered(NamedTuple):
    """The predictor that answered, its outputs (Q, N or P), their means, and the number of its version."""

    predictor: Predictor
    outputs: Tensor
    means: Tensor
    version: int


class Asking:
    """A thread that answers for one learner.

    Args:
        served: the learner.
        database: where its tasks live.
        kept: those in memory.
        limits: of a request.
    """

    def __init__(self, served: Served, database: Database, kept: Kept, limits: Limits) -> None:
        self._served, self._database, self._kept, self._limits = served, database, kept, limits
        self._loaders = ThreadPoolExecutor(_LOADING, thread_name_prefix=f"loading tasks of {served.name}")
        self._waiting = AtOnce(self._answers, f"predicting with {served.name}")

    def soon(self, question: Question) -> "Future[Answered]":
        """The answer to a question of few queries, which is read beside others."""
        return self._waiting.submit(question)

    def now(self, question: Question) -> Answered:
        """The answer to any question: what is slow to read is read here, and many rows take their turn in parts.

        Raises:
            UserError: what is wrong with it.
        """
        x = question.x
        if x is None:
            reads = self._served.learner.reads
            assert reads is not None
            x = inputs_of(question.queries, reads, self._limits)
        rows = leading(x)
        if rows <= _ROWS or self._served.learner.facts.transductive:
            return self.soon(replace(question, queries=(), x=x)).result()
        first = self._part(question, x, 0)
        found = [first]
        for start in range(_ROWS, rows, _ROWS):  # of the version that answered first, whatever is added in the meantime
            found.append(self._part(replace(question, version=first.version), x, start))
        return first._replace(
            outputs=torch.cat([part.outputs for part in found]), means=torch.cat([part.means for part in found])
        )

    def light(self, size: int) -> bool:
        """Whether a request of so many bytes is read so fast that no thread of its own is worth it."""
        return size <= 10_000 and not isinstance(self._served.learner.reads, Images)

    def close(self) -> None:
        """Ends the threads after what waits now."""
        self._waiting.close()
        self._loaders.shutdown()

    def _part(self, question: Question, x: Inputs, start: int) -> Answered:
        return self.soon(replace(question, queries=(), x=map_leaves(lambda leaf: leaf[start : start + _ROWS], x))).result()

    def _answers(self, asked: Sequence[Question]) -> list[Answered | Exception | Future[Answered]]:
        stored = self._database.asked([(question.who, question.task) for question in asked])
        found: list[Any] = [None] * len(asked)
        ready: list[tuple[int, Predictor, int]] = []
        for place, (question, task) in enumerate(zip(asked, stored, strict=True)):
            if isinstance(task, UserError):
                found[place] = task
            elif task.learner != self._served.name:
                found[place] = wrong_learner(task, self._served.name)
            else:
                number = task.versions if question.version is None else question.version
                predictor = self._kept.get(task.id, number)
                if predictor is None:
                    found[place] = self._loaders.submit(self._loaded, question, task.id, number)
                else:
                    ready.append((place, predictor, number))
        inputs = self._read([asked[place] for place, _, _ in ready])
        good = [(each, x) for each, x in zip(ready, inputs, strict=True) if not isinstance(x, Exception)]
        outputs = predicted_each(self._served.learner, [(predictor, x) for (_, predictor, _), x in good])
        for (place, _, _), x in zip(ready, inputs, strict=True):
            found[place] = x
        for ((place, predictor, number), _), output in zip(good, self._with_means(outputs), strict=True):
            found[place] = output if isinstance(output, Exception) else Answered(predictor, *output, number)
        return found

    def _with_means(self, outputs: Sequence[Tensor | Exception]) -> list[tuple[Tensor, Tensor] | Exception]:
        """With the means of outputs, those of one width in one call."""
        likelihood = self._served.learner.stated
        widths: dict[Any, list[int]] = {}
        for place, output in enumerate(outputs):
            if isinstance(output, Tensor):
                widths.setdefault(output.shape[1:], []).append(place)
        found: list[Any] = list(outputs)
        for places in widths.values():
            together = [found[place] for place in places]
            means = torch.split(likelihood.mean(torch.cat(together)), [len(each) for each in together])
            for place, each, mean in zip(places, together, means, strict=True):
                found[place] = (each, mean)
        return found

    def _loaded(self, question: Question, task: str, number: int) -> Answered:
        """The answer of a task that was not in memory, by another thread, so that no other question waits for the data base."""
        predictor = self._kept.load(self._served, task, number)
        (x,) = self._read([question])
        if isinstance(x, Exception):
            raise x
        (output,) = self._with_means(predicted_each(self._served.learner, [(predictor, x)]))
        if isinstance(output, Exception):
            raise output
        return Answered(predictor, *output, number)

    def _read(self, asked: Sequence[Question]) -> list[Inputs | Exception]:
        """Inputs of each question: all raw things in one call, or one after the other where one of them cannot be read."""
        reads = self._served.learner.reads
        assert reads is not None
        raw = [question for question in asked if question.x is None]
        rows = {id(question): question.x for question in asked if question.x is not None}
        try:
            things = [things_of(question.queries, reads, self._limits) for question in raw]
            together = reads.batch([thing for each in things for thing in each]) if raw else None
            for question, x in zip(raw, split(together, [len(each) for each in things]), strict=True):
                rows[id(question)] = x
        except Exception:  # of whom it is, and why, is said to them alone
            for question in raw:
                rows[id(question)] = _read_alone(question, reads, self._limits)
        return [rows[id(question)] for question in asked]


def _read_alone(question: Question, reads: Any, limits: Limits) -> Any:
    try:
        return inputs_of(question.queries, reads, limits)
    except Exception as error:
        return error


def wrong_learner(task: StoredTask, name: str) -> TaskError:
    """That a task belongs to a learner of another name."""
    return TaskError(f"the task {task.id} is one of the learner {task.learner!r}, not of {name!r}.")
