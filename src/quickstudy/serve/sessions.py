"""Learners that are served, and tasks adapted from them: state is data, so any process answers any task. No HTTP here."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from quickstudy.errors import TaskError
from quickstudy.learner import Learner, Predictor
from quickstudy.saving.checkpoint import saved_bytes
from quickstudy.saving.states import state_bytes
from quickstudy.serve.asking import Asking, Question, wrong_learner
from quickstudy.serve.database import Database
from quickstudy.serve.examined import examined, labels_of
from quickstudy.serve.exports import ExportJob, Exports, Wanted
from quickstudy.serve.kept import Kept
from quickstudy.serve.left_out import refuse_examples_in_state
from quickstudy.serve.limits import Busy, Limits
from quickstudy.serve.raw import examples_of, inputs_of
from quickstudy.serve.served import Adapted, Served, served_of
from quickstudy.serve.stored import StoredTask, StoredVersion, Taken
from quickstudy.use.answers import Answer, answers_of
from quickstudy.use.evidence import Evidence, evidence
from quickstudy.use.feature_map import feature_map
from quickstudy.use.updated import updated

__all__ = ["Sessions"]

_TRIES = 5


class Sessions:
    """All that a server does, without HTTP: adapt, add examples, predict, explain, list, delete.

    Args:
        learners: by name; each must know how raw things become inputs.
        database: where tasks live.
        limits: of a request.
    """

    def __init__(self, learners: Mapping[str, Learner[Any]], database: Database, limits: Limits = Limits()) -> None:  # noqa: B008
        self.database, self.limits = database, limits
        self._served = {name: served_of(name, learner) for name, learner in learners.items()}
        self._kept = Kept(database)
        self._asking = {name: Asking(served, database, self._kept, limits) for name, served in self._served.items()}
        self._exports = Exports(database, self._kept, limits)
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(limits.adapting)
        self._waiting = 0

    @property
    def learners(self) -> dict[str, Served]:
        """By name."""
        return dict(self._served)

    def learner(self, name: str) -> Served:
        """The learner of a name.

        Raises:
            TaskError: there is none.
        """
        if name not in self._served:
            raise TaskError(f"there is no learner {name!r} here. There are: {', '.join(self._served)}.")
        return self._served[name]

    def adapt(
        self, namespace: str, learner: str, examples: Sequence[Mapping[str, Any]], *, drop_support: bool = False
    ) -> Adapted:
        """A new task from labelled examples; it is durable when this returns.

        Args:
            namespace: whose task it is.
            learner: its name.
            examples: each with a raw thing (text, row or image) and its label, labels or target.
            drop_support: keep the state alone, and no example, not even encoded.

        Raises:
            UserError: what is wrong with the examples.
        """
        served = self.learner(learner)
        with self._slot():
            support, names = examples_of(examples, served.learner, self.limits)
            predictor = served.learner(support, names)
        if drop_support:
            refuse_examples_in_state(predictor)
            predictor = replace(predictor, support=None)
        version = _version(1, predictor, served, len(support.y))
        task = self.database.add_task(namespace, served.name, served.digest, version)
        self._kept.keep(task, 1, predictor)
        return Adapted(task, served.name, 1, version.classes, version.examples, version.created)

    def add(self, namespace: str, learner: str, task: str, examples: Sequence[Mapping[str, Any]]) -> Adapted:
        """The next version of a task: with more examples, of known classes or new ones.

        Raises:
            UserError: what is wrong with them; the task keeps no support set.
            Taken: others changed the task each time that this was tried.
        """
        served = self.learner(learner)
        for _ in range(_TRIES):
            stored = self._stored(namespace, served, task)
            before = self._kept.load(served, stored.id, stored.versions)
            with self._slot():
                more, names = examples_of(examples, served.learner, self.limits)
                total = len(more.y) + (0 if before.support is None else len(before.support.y))
                self.limits.check("examples", total, self.limits.examples)
                predictor = updated(before, more, names)
            self.limits.check("classes", len(predictor.classes or ()), self.limits.ways)
            version = _version(stored.versions + 1, predictor, served, total)
            try:
                self.database.add_version(task, version)
            except Taken:
                continue
            self._kept.keep(task, version.number, predictor)
            return Adapted(task, served.name, version.number, version.classes, total, version.created)
        raise Taken(f"the task {task} was changed by others {_TRIES} times while examples were added. Try again.")

    def predict(
        self, namespace: str, learner: str, task: str, queries: Sequence[Mapping[str, Any]], *, version: int | None = None
    ) -> list[Answer]:
        """An answer to each query, by the last version of the task or by another.

        Raises:
            UserError: what is wrong with them.
        """
        asked = self.asking(learner).now(Question(namespace, task, version, queries))
        return answers_of(asked.predictor, asked.outputs, means=asked.means)

    def asking(self, learner: str) -> Asking:
        """What answers questions to the tasks of a learner.

        Raises:
            TaskError: there is no such learner.
        """
        return self._asking[self.learner(learner).name]

    def explain(
        self, namespace: str, learner: str, task: str, queries: Sequence[Mapping[str, Any]], *, most: int = 3
    ) -> list[list[Evidence]]:
        """For each query the examples that count for most in its answer.

        Raises:
            UserError: what is wrong with them; the task keeps no support set.
        """
        predictor = self._last(namespace, learner, task)
        assert predictor.reads is not None
        x = inputs_of(queries, predictor.reads, self.limits)
        with self._slot():
            return evidence(predictor, x, most=most)

    def report(self, namespace: str, learner: str, task: str) -> dict[str, Any]:
        """How good a task is on its own examples, each left out, and which of these look mislabelled.

        Raises:
            UserError: the task keeps no support set.
        """
        predictor = self._last(namespace, learner, task)
        with self._slot():
            return examined(predictor)

    def places(self, namespace: str, learner: str, task: str, queries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Examples and queries in the plane of the two directions in which the examples differ most.

        Raises:
            UserError: the task keeps no support set.
        """
        predictor = self._last(namespace, learner, task)
        assert predictor.reads is not None
        x = inputs_of(queries, predictor.reads, self.limits) if queries else None
        support, asked = feature_map(predictor, x)
        return {"examples": support.tolist(), "queries": asked.tolist(), "labels": labels_of(predictor)}

    def about(self, namespace: str, learner: str, task: str, version: int | None = None) -> Adapted:
        """What a client may know of a task.

        Raises:
            TaskError: there is none.
        """
        stored = self._stored(namespace, self.learner(learner), task)
        found = self.database.version(task, stored.versions if version is None else version)
        return Adapted(task, learner, found.number, found.classes, found.examples, found.created)

    def tasks(self, namespace: str, learner: str, *, after: str = "", most: int = 1000) -> list[StoredTask]:
        """A page of the tasks of a learner."""
        return self.database.tasks(namespace, self.learner(learner).name, after=after, most=most)

    def delete(self, namespace: str, learner: str, task: str) -> None:
        """Deletes a task with all versions.

        Raises:
            TaskError: there is none.
        """
        self._stored(namespace, self.learner(learner), task)
        self.database.delete(namespace, task)
        self._kept.forget(task)

    def file_of(self, namespace: str, learner: str, task: str) -> bytes:
        """The predictor of a task's last version, as ``quickstudy adapt`` writes it."""
        return saved_bytes(self._last(namespace, learner, task))

    def export(self, namespace: str, learner: str, task: str, wanted: Wanted, version: int | None = None) -> ExportJob:
        """The job that makes a program of a task, by its last version or by another; see `about_export`.

        Raises:
            UserError: there is no such task or version, or too many wait.
        """
        served = self.learner(learner)
        stored = self._stored(namespace, served, task)
        return self._exports.ask(served, stored, stored.versions if version is None else version, wanted)

    def about_export(self, namespace: str, learner: str, task: str, export: str) -> ExportJob:
        """What has become of a job.

        Raises:
            TaskError: there is none.
        """
        return self._exports.about(self._stored(namespace, self.learner(learner), task).id, export)

    def export_file(self, namespace: str, learner: str, task: str, export: str) -> tuple[ExportJob, bytes]:
        """A job that is done, with the file that it made.

        Raises:
            UserError: there is none, or it is not done.
        """
        return self._exports.file(self._stored(namespace, self.learner(learner), task).id, export)

    def close(self) -> None:
        """Ends the threads and lets the data base go."""
        self._exports.close()
        for asking in self._asking.values():
            asking.close()
        self.database.close()

    def _last(self, namespace: str, learner: str, task: str) -> Predictor:
        served = self.learner(learner)
        stored = self._stored(namespace, served, task)
        return self._kept.load(served, stored.id, stored.versions)

    def _stored(self, namespace: str, served: Served, task: str) -> StoredTask:
        stored = self.database.task(namespace, task)
        if stored.learner != served.name:
            raise wrong_learner(stored, served.name)
        return stored

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """A turn to adapt; where too many wait already, it is refused at once."""
        with self._lock:
            if self._waiting >= self.limits.waiting:
                raise Busy(f"{self._waiting} requests wait for an adaptation already. Try again in a while.")
            self._waiting += 1
        try:
            with self._slots:
                yield
        finally:
            with self._lock:
                self._waiting -= 1


def _version(number: int, predictor: Predictor, served: Served, examples: int) -> StoredVersion:
    content = state_bytes(predictor, served.digest)
    return StoredVersion(number, content, predictor.classes, examples, time.time())
