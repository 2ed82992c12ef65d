"""A run's log, read while it grows: steps, validations, probes."""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

from quickstudy.errors import ArtefactError
from quickstudy.monitoring.probe import Probe
from quickstudy.storage.files import open_whole
from quickstudy.storage.plain_json import parsed
from quickstudy.train import Record

__all__ = ["History", "Log", "Validated"]

_NUMBERS = ("loss", "gradient_norm", "lr", "seconds", "validation")
_LONGEST_LINE, _MOST_BYTES = 2**24, 2**32


@dataclass(frozen=True)
class Validated:
    """A validation after ``step`` steps: its mean score, and whether it was the best so far."""

    step: int
    score: float
    best: bool


class Log:
    """The lines of a ``log.jsonl``, of which another process may be writing the next.

    Args:
        path: of the file; it need not be there yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.lines: list[dict[str, Any]] = []
        self.damaged: dict[int, bytes] = {}
        """Lines that are no record, by the number of whole lines before them."""
        self.times_begun = 0
        self._file: tuple[int, int] | None = None
        self._place = 0

    def read(self) -> list[dict[str, Any]]:
        """The lines that have come since the last call; a line without its end waits for the next one.

        A line that is damaged is left out, and those after it are read all the same; ``damaged`` has it. After a resume the file
        is another one, cut back to the last saved step: then ``times_begun`` has grown, ``lines`` were forgotten, and all that
        is in the file is new.

        Raises:
            ArtefactError: a folder, a pipe or a device stands there, or it may not be read.
        """
        new: list[dict[str, Any]] = []
        try:
            opened = open_whole(self.path)
        except ArtefactError as error:
            if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
                return new
            raise
        with opened as file:
            status = os.fstat(file.fileno())
            now = status.st_dev, status.st_ino
            if now != self._file or status.st_size < self._place:
                self._file, self._place, self.lines, self.damaged = now, 0, [], {}
                self.times_begun += 1
            if status.st_size - self._place > _MOST_BYTES:
                raise ArtefactError(f"{self.path} has {status.st_size:,} bytes, more than a log may have. Check the path.")
            file.seek(self._place)
            for raw in iter(partial(file.readline, _LONGEST_LINE), b""):
                if not raw.endswith(b"\n") and len(raw) < _LONGEST_LINE:
                    break
                self._place += len(raw)
                line = _record(raw)
                if line is None:
                    before = len(self.lines) + len(new)
                    self.damaged[before] = self.damaged.get(before, b"") + raw
                else:
                    new.append(line)
        self.lines += new
        return new

    def content(self, kept: Sequence[Mapping[str, Any]]) -> bytes:
        """The text of a log of these lines, the first or some of those that were read, with the damaged ones where they were."""
        wanted = {id(line) for line in kept}
        last = max((number for number, line in enumerate(self.lines) if id(line) in wanted), default=-1)
        found = []
        for number, line in enumerate(self.lines[: last + 1]):
            found.append(self.damaged.get(number, b""))
            if id(line) in wanted:
                found.append(json.dumps(line).encode() + b"\n")
        return b"".join(found)


def _record(raw: bytes) -> dict[str, Any] | None:
    """A line's record; None where it is none."""
    try:
        found = parsed(raw)
    except ValueError:
        return None
    if not isinstance(found, dict) or type(found.get("step")) is not int or found["step"] < 0:
        return None
    numbers = [found[name] for name in _NUMBERS if name in found]
    return found if all(type(each) in (int, float) for each in numbers) else None


@dataclass
class History:
    """The content of a log, sorted by kind.

    Args:
        records: of the outer steps.
        validations: of the whole list of validation tasks.
        probes: on meta-training and meta-validation tasks.
        done: whether the run has ended.

    >>> log = [{"step": 1, "loss": 2.0, "gradient_norm": 1.0, "lr": 0.1, "seconds": 0.5}, {"step": 1, "validation": 0.4}]
    >>> history = History().add(log)
    >>> history.records[0].loss, history.validations[0].score
    (2.0, 0.4)
    """

    records: list[Record] = field(default_factory=list)
    validations: list[Validated] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    done: bool = False

    @classmethod
    def of(cls, folder: str | Path) -> "History":
        """Of a run's folder, as it is now."""
        return cls().add(Log(Path(folder) / "log.jsonl").read())

    def add(self, lines: Iterable[Mapping[str, Any]]) -> "History":
        """Takes further lines in; unknown lines are ignored."""
        names = [entry.name for entry in fields(Record)]
        for line in lines:
            try:
                if "loss" in line:
                    self.records.append(Record(**{name: line[name] for name in names}))
                if "validation" in line:
                    self.validations.append(Validated(line["step"], float(line["validation"]), bool(line.get("best"))))
                if "adaptation" in line:
                    self.probes.append(Probe.from_json(line))
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                continue
            self.done = self.done or bool(line.get("done"))
        return self

    @property
    def step(self) -> int:
        """Outer steps done."""
        return self.records[-1].step if self.records else 0

    @property
    def seconds(self) -> float:
        """Spent in outer steps."""
        return math.fsum(record.seconds for record in self.records)

    @property
    def best(self) -> Validated | None:
        """The best validation; None for an old log, which does not record it."""
        return next((found for found in reversed(self.validations) if found.best), None)
