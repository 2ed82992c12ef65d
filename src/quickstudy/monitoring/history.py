"""A run's log, read while it grows: steps, validations, probes."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from quickstudy.monitoring.probe import Probe
from quickstudy.train import Record

__all__ = ["History", "Log", "Validated"]


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
        self.times_begun = 0
        self._file: tuple[int, int] | None = None
        self._place = 0

    def read(self) -> list[dict[str, Any]]:
        """The lines that have come since the last call; a line without its end waits for the next one.

        After a resume the file is another one, cut back to the last saved step: then ``times_begun`` has grown, ``lines`` were
        forgotten, and all that is in the file is new.
        """
        try:
            with self.path.open("rb") as file:
                status = self.path.stat()
                now = status.st_dev, status.st_ino
                if now != self._file or status.st_size < self._place:
                    self._file, self._place, self.lines = now, 0, []
                    self.times_begun += 1
                file.seek(self._place)
                text = file.read()
        except OSError:
            return []
        new = []
        for raw in text.splitlines(keepends=True):
            if not raw.endswith(b"\n"):
                break
            try:
                line = json.loads(raw)
            except ValueError:
                break
            self._place += len(raw)
            if isinstance(line, dict) and isinstance(line.get("step"), int) and math.isfinite(line["step"]):
                new.append(line)
        self.lines += new
        return new


@dataclass
class History:
    """What a log tells, sorted by kind.

    Args:
        records: of the outer steps.
        validations: of the whole list of validation tasks.
        probes: at both levels.
        done: whether the run says that it has ended.

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
        """Takes further lines in; what it does not know is left aside."""
        names = [entry.name for entry in fields(Record)]
        for line in lines:
            try:
                if "loss" in line:
                    self.records.append(Record(**{name: line[name] for name in names}))
                if "validation" in line:
                    self.validations.append(Validated(line["step"], float(line["validation"]), bool(line.get("best"))))
                if "adaptation" in line:
                    self.probes.append(Probe.from_json(line))
            except (KeyError, TypeError, ValueError):
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
        """The best validation; of an old log, which does not say, none."""
        return next((found for found in reversed(self.validations) if found.best), None)
