"""Feeds damaged and forged files to the library's doors and counts what comes of it, in a process of its own.

``python -m hostile.harness SEED learners=40 stores=10`` prints counts, every failure, and the peak of memory, as JSON.
"""

import collections
import json
import logging
import os
import random
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from hostile import peak_memory

__all__ = ["Target", "main", "run"]

SECONDS = 5.0
FORBIDDEN = {"os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "pty.spawn", "subprocess.Popen"}
FORBIDDEN |= {"pickle.find_class", "marshal.loads", "ctypes.dlopen", "socket.connect"}
WRITING = {"os.remove", "os.rename", "os.rmdir", "os.truncate", "os.symlink", "os.link", "shutil.rmtree"}


def _looks_for_a_gpu(event: str, arguments: tuple[Any, ...]) -> bool:
    """What a build of PyTorch for GPUs does by itself, whatever file is read."""
    return event == "ctypes.dlopen" and str(arguments[0]).startswith("libnvidia-ml")


class Target(Protocol):
    """A kind of file and the door that reads it."""

    def damage(self, rng: random.Random) -> str:
        """Damages the files in the target's folder, which are whole before; how."""
        ...

    def read(self) -> Any:
        """Goes through the door."""
        ...

    def verdict(self, found: Any) -> str:
        """What a read that succeeded brought: same, other (rightly), or wrong."""
        ...


class Hang(BaseException):
    """It took too long."""


class _Watch:
    """Notes what runs programs, unpickles, or touches files outside of the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.on, self.seen = str(folder), False, list[str]()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in FORBIDDEN and not self._imports(event) and not _looks_for_a_gpu(event, arguments):
            self.seen.append(f"{event} {arguments!r:.200}")
        outside = (
            isinstance(arguments[0], str | os.PathLike) and not os.fspath(arguments[0]).startswith(self.folder)
            if arguments
            else False
        )
        if outside and (event in WRITING or (event == "open" and _writes(arguments))):
            self.seen.append(f"{event} {arguments!r:.200}")

    @staticmethod
    def _imports(event: str) -> bool:
        """Whether it is Python's own import of a module, which reads compiled code and loads libraries."""
        if event not in ("marshal.loads", "ctypes.dlopen"):
            return False
        frame = sys._getframe(1)
        while frame is not None:
            if "importlib" in frame.f_code.co_filename:
                return True
            frame = frame.f_back  # type: ignore[assignment]
        return False


def _writes(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)) and not str(arguments[0]).startswith("/dev/null")


@contextmanager
def _limited() -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(name: str, make: Callable[[Path], Target], count: int, seed: int) -> dict[str, Any]:
    """So many cases of one kind."""
    from quickstudy.errors import UserError

    counts: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        target, watch = make(Path(place)), _Watch(Path(place))
        assert target.verdict(target.read()) == "same", f"{name}: the undamaged file does not read as it was"
        for number in range(count):
            how = target.damage(random.Random(f"{seed}:{name}:{number}"))
            watch.seen.clear()
            try:
                with _limited():
                    watch.on = True
                    found = target.read()
                    watch.on = False
                outcome = target.verdict(found)
            except UserError:
                outcome = "refused"
            except Hang:
                outcome = "hang"
            except Exception:
                outcome = "traceback"
                last = traceback.format_exc()
            finally:
                watch.on = False
            outcome = "executed" if watch.seen else outcome
            counts[outcome] += 1
            if outcome not in ("refused", "same", "other"):
                detail = watch.seen[0] if watch.seen else last[-900:] if outcome == "traceback" else ""
                failures.append(f"{name} {number} ({how}): {outcome} {detail}")
    return {"counts": dict(counts), "failures": failures}


def main() -> None:
    """Runs the kinds named on the command line."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    import torch

    from hostile.targets import TARGETS

    torch.set_num_threads(1)
    seed = int(sys.argv[1])
    start = peak_memory.kilobytes()
    found = {name: run(name, TARGETS[name], int(count), seed) for name, count in (word.split("=") for word in sys.argv[2:])}
    peak = peak_memory.kilobytes()
    print(json.dumps({"kinds": found, "start_kb": start, "peak_kb": peak}))


if __name__ == "__main__":
    main()
