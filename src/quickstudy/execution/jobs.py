"""Calls that run in several processes by joblib: here, or wherever the user's ``joblib.parallel_config`` says (Dask, Ray)."""

import hashlib
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from quickstudy.errors import Argument, ArgumentError, LearnerError, RunError

__all__ = ["jobs_of", "spread"]

C = TypeVar("C", bound=tuple[Any, ...])
R = TypeVar("R")

_alone = threading.RLock()
"""One call at a time in a process: random generators, and a module's mode, are those of the process."""

_opened: dict[str, Any] = {}
"""The thing that this process opened last, by its key."""


def jobs_of(jobs: int | None) -> int:
    """In how many processes calls run: as joblib counts them, -1 for all cores; None: what ``parallel_config`` says, else one.

    Raises:
        ArgumentError: no such number.

    >>> jobs_of(None), jobs_of(3)
    (1, 3)
    """
    if isinstance(jobs, bool) or not (jobs is None or (isinstance(jobs, int) and jobs != 0)):
        raise ArgumentError(Argument("jobs", jobs), " must be a whole number of processes, or -1 for all cores.")
    if jobs == 1:
        return 1
    from joblib import effective_n_jobs

    return int(effective_n_jobs(jobs))


def spread(
    fn: Callable[..., R], shared: Any, calls: Iterable[C], jobs: int | None = None, *, ahead: int | None = 2, called: str = ""
) -> Iterator[tuple[C, R]]:
    """Each call with the result of ``fn(shared, *call)``, in the order of the calls.

    In one process nothing is copied. Otherwise ``shared`` is pickled once, and opened once in each process.

    Args:
        fn: a function that other processes can import.
        shared: what all calls use.
        calls: further arguments; made in this thread alone.
        jobs: see `jobs_of`.
        ahead: so many calls for each process are made before their results are waited for; None: all of them.
        called: what a message calls ``shared``; by default its class.

    Raises:
        LearnerError: something cannot be pickled, or not be opened elsewhere.
        RunError: a process ended.

    >>> [result for _, result in spread(pow, 2, [(1,), (5,)])]
    [2, 32]
    """
    count = jobs_of(jobs)
    if count == 1:
        yield from ((call, fn(shared, *call)) for call in calls)
        return
    from joblib import Parallel, delayed
    from joblib.parallel import get_active_backend

    sealed = _Sealed.of(shared, called or type(shared).__name__)
    as_it_comes = getattr(get_active_backend()[0], "supports_return_generator", False)
    made = iter(calls)
    with Parallel(n_jobs=jobs, return_as="generator" if as_it_comes else "list") as parallel:
        while window := tuple(islice(made, None if ahead is None else count * ahead)):
            try:
                yield from zip(window, parallel(delayed(_run)(fn, sealed, call) for call in window), strict=True)
            except _Unopened as error:
                raise LearnerError(f"another process could not open what was sent ({error}).{_REMEDY}", _JOBS, ".") from error
            except BrokenProcessPool as error:
                why = "a process ended before its work was done; the memory may be too small for so many. Lower "
                raise RunError(why, Argument("jobs", jobs), ".") from error


_JOBS = Argument("jobs")
_REMEDY = " Other processes get copies of objects that can be pickled, of classes that they can import. Mend that, or leave out "


class _Unopened(Exception):
    """Another process could not open what was sent."""


@dataclass(frozen=True)
class _Sealed:
    """A thing as bytes (an array, which joblib lets processes of one machine share), and their hash."""

    content: NDArray[np.uint8]
    key: str

    @classmethod
    def of(cls, thing: Any, called: str) -> "_Sealed":
        import cloudpickle

        try:
            content = cloudpickle.dumps(thing)
        except Exception as error:  # whatever an object's own way of pickling raises
            why = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
            raise LearnerError(f"{called} cannot be sent to other processes ({why}).{_REMEDY}", _JOBS, ".") from error
        return cls(np.frombuffer(content, np.uint8), hashlib.sha256(content).hexdigest())

    def open(self) -> Any:
        """The thing; this process keeps the one that it opened last."""
        if self.key not in _opened:
            _opened.clear()
            try:
                _opened[self.key] = pickle.loads(self.content.tobytes())
            except Exception as error:
                raise _Unopened(f"{type(error).__name__}: {error}") from None
        return _opened[self.key]


def _run(fn: Callable[..., R], sealed: _Sealed, call: tuple[Any, ...]) -> R:
    with _alone:
        return fn(sealed.open(), *call)
