"""Work that comes one by one and is done by one thread, all that waits at a time."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Generic, TypeVar

__all__ = ["AtOnce"]

Given = TypeVar("Given")
Found = TypeVar("Found")

_MOST = 256


class AtOnce(Generic[Given, Found]):
    """A thread that takes whatever waits when it is free.

    Args:
        work: a result for each of the things, the error that belongs to it, or a future where another thread finds it; one that
            raises fails all of them.
        name: of the thread.

    >>> doubled = AtOnce(lambda numbers: [2 * number for number in numbers], "doubling")
    >>> [waiting.result() for waiting in [doubled.submit(1), doubled.submit(4)]]
    [2, 8]
    >>> doubled.close()
    """

    def __init__(self, work: Callable[[Sequence[Given]], Sequence["Found | Exception | Future[Found]"]], name: str) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[tuple[Given, Future[Found]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, given: Given) -> "Future[Found]":
        """Its result, when the thread has come to it."""
        answer: Future[Found] = Future()
        self._waiting.put((given, answer))
        return answer

    def close(self) -> None:
        """Ends the thread after what waits now."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            found = [self._waiting.get()]
            while len(found) < _MOST and not self._waiting.empty():
                found.append(self._waiting.get())
            asked = [each for each in found if each is not None]
            self._do([each for each in asked if each[1].set_running_or_notify_cancel()])
            if len(asked) < len(found):
                return

    def _do(self, asked: Sequence[tuple[Given, "Future[Found]"]]) -> None:
        if not asked:
            return
        try:
            results: Sequence[Found | Exception | Future[Found]] = self._work([given for given, _ in asked])
        except Exception as error:
            results = [error] * len(asked)
        for (_, answer), result in zip(asked, results, strict=True):
            if isinstance(result, Exception):
                answer.set_exception(result)
            elif isinstance(result, Future):
                result.add_done_callback(partial(_passed_on, answer))
            else:
                answer.set_result(result)


def _passed_on(answer: "Future[Any]", done: "Future[Any]") -> None:
    error = done.exception()
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result())
