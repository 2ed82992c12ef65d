"""Stopping a training by a signal: the outer step in progress is finished, then all is saved; a second signal stops at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Stop", "until_stopped"]


@dataclass
class Stop:
    """The signal that has arrived, if any."""

    signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None


@contextmanager
def until_stopped(resume: str) -> Iterator[Stop]:
    """Ctrl-C and SIGTERM only set a flag, which a loop checks between its steps; a message at the end says what to do next.

    Args:
        resume: the command that resumes the training.

    Raises:
        KeyboardInterrupt: at the end, with the signal's number and a note, if one came; at once if a second one comes.
    """
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop:
            raise KeyboardInterrupt(number)
        stop.signal = number

    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    # handlers belong to the main thread; elsewhere nothing can be caught, and nothing is
    before = {n: signal.signal(n, ask) for n in numbers} if threading.current_thread() is threading.main_thread() else {}
    try:
        yield stop
        if stop.signal is not None:
            raise KeyboardInterrupt(stop.signal)
    except KeyboardInterrupt as error:
        error.add_note(f"resume it with: {resume}")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
