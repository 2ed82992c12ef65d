"""What an application's learner was found to be worth: each row beside its controls and the best obvious methods."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from quickstudy.errors import ArtefactError
from quickstudy.reports.compare import compare
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.promise import Promise
from quickstudy.reports.report import Report
from quickstudy.reports.words import difference, is_share
from quickstudy.reports.worlds import World
from quickstudy.storage.files import read_json, write_whole

__all__ = ["Appraisal", "Entry", "Role", "Row", "signed"]

Role = Literal["learner", "control", "baseline"]
"""What a model is in an appraisal: the learner itself; the learner without what it should learn from; another method."""

_ENOUGH = 10
"""Units from which on intervals are by them, and not by tasks."""


@dataclass(frozen=True)
class Entry:
    """One model in a row.

    Args:
        report: of it.
        role: of it.
        choice: settings that were tuned on meta-validation tasks, in words.
    """

    report: Report
    role: Role
    choice: str = ""


@dataclass(frozen=True)
class Row:
    """All models on the same tasks of one size.

    Args:
        name: of the setting, such as "5-way 1-shot".
        size: on the axis of a figure.
        promises: what is promised; none promises nothing.
        entries: the learner first.
        quick: made with tiny settings, so that no promise can be kept or missed.
    """

    name: str
    size: float
    promises: tuple[Promise, ...]
    entries: tuple[Entry, ...]
    quick: bool = False

    @property
    def learner(self) -> Report:
        return next(entry.report for entry in self.entries if entry.role == "learner")

    def others(self, role: Role) -> tuple[Entry, ...]:
        """The entries of a role."""
        return tuple(entry for entry in self.entries if entry.role == role)

    def pair(self, entry: Entry) -> Comparison:
        """The learner against an entry, on the same tasks."""
        return compare(self.learner, entry.report)

    def gain(self, entry: Entry) -> tuple[float, tuple[float, float]]:
        """By how much the learner is better than an entry (negative: worse), with the 95 % interval of `world`."""
        pair = self.pair(entry)
        sign = 1 if pair.higher_is_better else -1
        low, high = sorted(sign * bound for bound in pair.intervals[self.world(pair)])
        return sign * pair.difference, (low, high)

    def world(self, pair: Comparison) -> World:
        """By what its interval is: new units (classes, patients) where there are ten or more, else other tasks of the same."""
        units = {number for row in pair.classes or () for number in row if number >= 0}
        worlds = list(pair.estimates)
        return "classes" if "classes" in worlds and len(units) >= _ENOUGH else worlds[0]

    def best_of(self, names: Collection[str] = ()) -> Entry | None:
        """The baseline that the learner gains least over, of some or of all; None without any.

        Args:
            names: of baselines or controls; all baselines by default.
        """
        named = [entry for entry in self.entries if entry.role != "learner" and entry.report.model in names]
        among = named if names else self.others("baseline")
        return min(among, key=lambda entry: self.gain(entry)[0], default=None)

    @property
    def best(self) -> Entry | None:
        """The baseline that the learner gains least over; None without any."""
        return self.best_of()

    @property
    def verdict(self) -> str:
        """The finding in words: the gain over the best baseline, its interval, and what became of the promises."""
        if self.best is None:
            return "no baseline"
        words = [f"{self._gained(self.best)}; {_told(self.gain(self.best)[1])}"]
        for promise in self.promises:
            baseline = self.best_of(promise.over)
            over = ""
            if baseline is not None and baseline is not self.best:
                over = f", {self._gained(baseline)}, {_told(self.gain(baseline)[1])}"
            words.append(f"{self._promised(promise)}: {self._outcome(promise)}{over}")
        return "; ".join(words)

    def kept(self, promise: Promise) -> bool | None:
        """Whether a promise is kept; None where none of its baselines was evaluated, or where tiny settings say nothing of it."""
        baseline = self.best_of(promise.over)
        return None if baseline is None or self.quick else promise.kept(*self.gain(baseline))

    @property
    def reached(self) -> bool | None:
        """Whether all promises are kept; None where nothing is promised, or where tiny settings say nothing of it."""
        found = [self.kept(promise) for promise in self.promises]
        return None if not found or None in found else all(found)

    def _gained(self, entry: Entry) -> str:
        """The gain over an entry, with its interval and the world this is for."""
        (gain, (low, high)), pair, metric = self.gain(entry), self.pair(entry), self.learner.metric
        unit = " points" if is_share(metric) else ""
        bounds = f"95 % {signed(low, metric)} to {signed(high, metric)}, for {pair.for_world(self.world(pair))}"
        return f"{signed(gain, metric)}{unit} over {entry.report.model} ({bounds})"

    def _promised(self, promise: Promise) -> str:
        names = promise.over
        over = "" if not names else f" over {' and '.join(names)}" if len(names) < 3 else f" over {len(names)} of the baselines"
        if not promise.gain:
            return f"promised {'no loss' if promise.tie else 'a gain'}{over}"
        return f"promised {signed(promise.gain, self.learner.metric)}{over}{' or a tie' if promise.tie else ''}"

    def _outcome(self, promise: Promise) -> str:
        kept = self.kept(promise)
        if kept is None:
            return "not evaluated with tiny settings" if self.quick else "not evaluated"
        return "kept" if kept else "missed"


def _told(interval: tuple[float, float]) -> str:
    low, high = interval
    return "better" if low > 0 else "worse" if high < 0 else "not told apart"


def signed(value: float, metric: str) -> str:
    """A gain: of shares in points, "none" where there is no such number.

    >>> signed(0.012, "accuracy"), signed(0.012, "mse"), signed(math.inf, "mse")
    ('+1.20', '+0.012', 'none')
    """
    digits = 2 if is_share(metric) or abs(value) >= 1 else 3
    return difference(value, metric, digits=digits) if math.isfinite(value) else "none"


@dataclass(frozen=True)
class Appraisal:
    """The table of an application.

    Args:
        application: its name.
        title: the problem in one line.
        unit: plural noun of what intervals are by.
        rows: one a setting.
        seeds: of the trainings whose scores were averaged.
        facts: how it was made: command, versions, seconds.
        quick: made with tiny settings: its numbers mean nothing.
    """

    application: str
    title: str
    unit: str
    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    quick: bool = False

    def to_json(self) -> dict[str, Any]:
        """Everything, with the verdicts."""
        rows = [
            {
                "name": row.name,
                "size": row.size,
                "promises": [promise.to_json() for promise in row.promises],
                "verdict": row.verdict,
                "reached": row.reached,
                "entries": [{"role": e.role, "choice": e.choice, "report": e.report.to_json()} for e in row.entries],
            }
            for row in self.rows
        ]
        given = {"application": self.application, "title": self.title, "unit": self.unit, "seeds": list(self.seeds)}
        return {**given, "facts": dict(self.facts), "quick": self.quick, "rows": rows}

    def save(self, path: str | Path) -> None:
        """Writes it as JSON, whole or not at all."""
        write_whole(Path(path), json.dumps(self.to_json(), indent=1).encode())

    @classmethod
    def load(cls, path: str | Path) -> "Appraisal":
        """Reads what `save` wrote.

        Raises:
            ArtefactError: the file is something else.
        """
        try:
            found = read_json(Path(path))
            rows = tuple(
                Row(
                    str(row["name"]),
                    float(row["size"]),
                    tuple(map(Promise.from_json, row["promises"])),
                    tuple(Entry(Report.from_json(e["report"]), _role(e["role"]), str(e["choice"])) for e in row["entries"]),
                    bool(found["quick"]),
                )
                for row in found["rows"]
            )
            facts = {str(key): str(value) for key, value in found["facts"].items()}
            application, title, unit = (str(found[key]) for key in ("application", "title", "unit"))
            return cls(application, title, unit, rows, tuple(map(int, found["seeds"])), facts, bool(found["quick"]))
        except (OSError, ArithmeticError, AttributeError, ValueError, KeyError, TypeError) as error:
            raise ArtefactError(f"{path} was not written by quickstudy app: {error}. Run the application again.") from error


def _role(word: str) -> Role:
    roles: dict[str, Role] = {"learner": "learner", "control": "control", "baseline": "baseline"}
    return roles[word]
