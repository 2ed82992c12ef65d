"""Saves the state of a training regularly and whenever it is stopped, between two outer steps only."""

import copy
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from quickstudy.errors import RunError, UserError
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.saving.training import training_state, write_training

__all__ = ["STOPS", "Keeper", "Progress", "stops_wait"]

_SAVE_SECONDS = 30.0

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, the polite kill of a cluster or a service, and a terminal that is closed."""


@dataclass
class Progress:
    """What of a run's history the rest of it depends on.

    Args:
        best: the best validation so far.
        waited: validations since.
        done: whether the run has come to its end.
        looked: the last outer step whose validation and probe, where they were due, are done.
    """

    best: float | None = None
    waited: int = 0
    done: bool = False
    looked: int = 0

    @classmethod
    def of(cls, found: Any) -> "Progress":
        """The inverse of `asdict`.

        Raises:
            ValueError: it is something else.
        """
        kinds: dict[str, tuple[type, ...]] = {
            "best": (float, int, type(None)),
            "waited": (int,),
            "done": (bool,),
            "looked": (int,),
        }
        if not isinstance(found, dict) or set(found) != set(kinds):
            raise ValueError("it does not record the step")
        wrong = [name for name, allowed in kinds.items() if type(found[name]) not in allowed]
        if wrong:
            raise ValueError(f"its {wrong[0]} is {found[wrong[0]]!r}")
        return cls(**found)


class Keeper:
    """Saves a training: ``with`` ends in a save, however it ends, if there is anything new to save.

    Args:
        path: of the file.
        recipe: that is being trained.
        progress: of the run.
        note: what else to write beside the state; None where another process saves.
        step: outer steps that are done and saved.
    """

    def __init__(self, path: Path, recipe: Recipe, progress: Progress, note: Mapping[str, Any] | None, step: int) -> None:
        self.path, self.progress, self.note = path, progress, note
        self._parts = (recipe.learner, recipe.optimizer, recipe.schedule, recipe.train)
        self._step, self._then = step, asdict(progress)
        self._held: dict[str, Any] | None = None
        self._whole, self._saved, self._time = True, (step, progress.looked), time.monotonic()

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, UserError):
            with suppress(UserError):  # a full disk, say, which the error reports already
                self.save()
        else:
            self.save()

    @contextmanager
    def stepping(self) -> Iterator[Callable[[int], None]]:
        """While inside, the state is between two steps and is not saved; the end of the step is reported to what is yielded."""
        self._whole = False

        def reached(step: int) -> None:
            self._step, self._then, self._held, self._whole = step, asdict(self.progress), None, True

        yield reached

    def hold(self) -> None:
        """Before a validation or a probe, which may be broken off: keeps a copy of the state, to save that then."""
        if self.note is not None:
            self._held = copy.deepcopy(training_state(*self._parts))

    def looked(self) -> None:
        """After the validation and the probe of this step, where they were due."""
        self.progress.looked = self._step
        self._then, self._held = asdict(self.progress), None

    @property
    def overdue(self) -> bool:
        """Whether the last save is long ago."""
        return time.monotonic() - self._time > _SAVE_SECONDS

    def save(self) -> None:
        """Writes the state after the last whole step, unless that was written already.

        Raises:
            RunError: it cannot be written; the state that was saved before is unharmed.
        """
        now = (self._step, self._then["looked"])
        if self.note is None or not self._whole or (now == self._saved and self.path.exists()) or now == (0, 0):
            return
        state = self._held if self._held is not None else training_state(*self._parts)
        try:
            write_training(self.path, self._step, state, dict(self.note) | {"progress": self._then})
        except UserError as error:
            raise RunError(f"{error} Then go on with: quickstudy resume {self.path.parent}") from error
        self._saved, self._time = now, time.monotonic()


@contextmanager
def stops_wait(save: Callable[[], None], *signals: int) -> Iterator[None]:
    """Makes these signals wait until its end; then ``save`` is called, and the signal delivered as it would have been.

    A second signal does not wait. Outside of the main thread, where Python delivers no signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    asked: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            _restore(before)
            _deliver(number, before[number], frame)

    for each in signals:
        handler = signal.getsignal(each)
        if handler not in (signal.SIG_IGN, None):
            before[each] = handler
            signal.signal(each, note)
    try:
        yield
    finally:
        _restore(before)
    if asked:
        save()
        _deliver(asked[0], before[asked[0]], None)


def _restore(before: Mapping[int, Any]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)


def _deliver(number: int, handler: Any, frame: FrameType | None) -> None:
    if callable(handler):
        handler(number, frame)
    else:
        signal.raise_signal(number)
