"""Predictors of tasks in memory, as many as were asked for last; each is read from the data base by one thread alone."""

import threading
from collections import OrderedDict

from quickstudy.learner import Predictor
from quickstudy.saving.states import predictor_of
from quickstudy.serve.database import Database
from quickstudy.serve.served import Served

__all__ = ["Kept"]

_MOST = 1_000


class Kept:
    """Versions of tasks by identifier and number. A version never changes, so what is here is never out of date.

    Args:
        database: where they live.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._predictors: OrderedDict[tuple[str, int], Predictor] = OrderedDict()
        self._loading: dict[tuple[str, int], threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, task: str, number: int) -> Predictor | None:
        """If it is in memory."""
        with self._lock:
            found = self._predictors.get((task, number))
            if found is not None:
                self._predictors.move_to_end((task, number))
            return found

    def load(self, served: Served, task: str, number: int) -> Predictor:
        """From memory, or from the data base: by one thread, for which others wait.

        Raises:
            TaskError: there is no such version.
            ArtefactError: another learner made it.
        """
        key = (task, number)
        with self._lock:
            lock = self._loading.setdefault(key, threading.Lock())
        with lock:
            found = self.get(task, number)
            if found is not None:
                return found
            try:
                content = self._database.version(task, number).state
                found = predictor_of(served.learner, content, served.digest, f"task {task}, version {number}")
                self.keep(task, number, found)
            finally:
                with self._lock:
                    self._loading.pop(key, None)
        return found

    def keep(self, task: str, number: int, predictor: Predictor) -> None:
        """Keeps what will be needed soon."""
        with self._lock:
            self._predictors[task, number] = predictor
            self._predictors.move_to_end((task, number))
            while len(self._predictors) > _MOST:
                self._predictors.popitem(last=False)

    def forget(self, task: str) -> None:
        """All versions of a task."""
        with self._lock:
            for key in [key for key in self._predictors if key[0] == task]:
                del self._predictors[key]
