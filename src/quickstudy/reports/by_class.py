"""How queries of each class were answered over all tasks: accuracy by class, and which classes are taken for which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quickstudy.reports.intervals import interval_of_share
from quickstudy.reports.words import amount

__all__ = ["ByClass", "ClassScore", "ClassTally", "Confusion"]

_MOST = 500
"""Confusions that a report keeps: a report on thousands of classes stays a small file."""

_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScore:
    """The accuracy of one class's queries.

    Args:
        name: of the class, or of the column.
        accuracy: share of its queries that were answered rightly; a tie of k classes counts 1/k.
        interval: its 95 % interval, for other tasks of the same classes.
        queries: number of its queries.
        tasks: number of tasks with such queries.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    queries: int
    tasks: int


@dataclass(frozen=True)
class Confusion:
    """Queries of one class that were taken for another.

    Args:
        true: the class that they are of.
        named: the class that was named.
        count: how many; a tie of k classes counts 1/k for each.
        of: how many queries of the true class there were in tasks that have both.
    """

    true: str
    named: str
    count: float
    of: int

    @property
    def share(self) -> float:
        """Of the queries that could have been confused."""
        return self.count / max(self.of, 1)


@dataclass(frozen=True)
class ByClass:
    """Accuracy by class and the most frequent confusions.

    Args:
        classes: of every class that had queries, in the order of the data.
        confusions: the most frequent ones first.
        wrong: number of wrong answers in all, those of rarer confusions included.
        by: what the names are of: "class", or "column" where classes keep to columns that have names of their own.
    """

    classes: tuple[ClassScore, ...]
    confusions: tuple[Confusion, ...]
    wrong: float
    by: str = "class"

    def worst(self, count: int = 10) -> list[ClassScore]:
        """The classes of the lowest accuracy, the lowest first.

        >>> scores = (ClassScore("a", 0.9, (0.8, 1.0), 20, 4), ClassScore("b", 0.5, (0.3, 0.7), 20, 4))
        >>> [score.name for score in ByClass(scores, (), 12.0).worst(1)]
        ['b']
        """
        return sorted(self.classes, key=lambda score: score.accuracy)[:count]

    def matrix(self, names: Sequence[str]) -> _Numbers:
        """Queries by true class (rows) and named class (columns) among some classes, right answers on the diagonal."""
        place = {name: number for number, name in enumerate(names)}
        found = np.zeros((len(names), len(names)))
        for score in self.classes:
            if score.name in place:
                found[place[score.name], place[score.name]] = score.accuracy * score.queries
        for pair in self.confusions:
            if pair.true in place and pair.named in place:
                found[place[pair.true], place[pair.named]] = pair.count
        return found

    def __str__(self) -> str:
        """The extremes in one line."""
        worst = ", ".join(f"{score.name} {amount(score.accuracy, 'accuracy', digits=0)}" for score in self.worst(3))
        pairs = ", ".join(f"{p.true} taken for {p.named} ({p.count:,.4g} of {p.of:,})" for p in self.confusions[:3])
        return f"lowest by {self.by}: {worst}" + (f"; most confused: {pairs}" if pairs else "")

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "ByClass":
        """Of what `dataclasses.asdict` gave.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        classes = tuple(
            ClassScore(str(s["name"]), float(s["accuracy"]), _pair(s["interval"]), int(s["queries"]), int(s["tasks"]))
            for s in found["classes"]
        )
        pairs = (Confusion(str(p["true"]), str(p["named"]), float(p["count"]), int(p["of"])) for p in found["confusions"])
        return cls(classes, tuple(pairs), float(found["wrong"]), str(found["by"]))


def _pair(bounds: Any) -> tuple[float, float]:
    low, high = map(float, bounds)
    return low, high


@dataclass
class ClassTally:
    """Adds up answers by class, batch by batch.

    Args:
        names: of all classes, by number.
        by: as of `ByClass`.
    """

    names: Sequence[str]
    by: str = "class"
    _tasks: int = 0
    _met: list[tuple[NDArray[np.int64], NDArray[np.int64], _Numbers, _Numbers]] = field(default_factory=list)
    _taken: list[tuple[NDArray[np.int64], _Numbers]] = field(default_factory=list)

    def add(self, named: _Numbers, y: _Numbers, counted: NDArray[np.bool_], classes: NDArray[np.int64]) -> None:
        """A batch of tasks.

        Args:
            named: which column was named for each query, (B, Q, N): rows that sum to 1.
            y: the targets, (B, Q, N).
            counted: which queries count, (B, Q).
            classes: the class in each column, (B, N), -1 = none.
        """
        columns = y.argmax(2)
        of_column = (np.arange(y.shape[2]) == columns[..., None]) & counted[..., None]
        queries, hits = of_column.sum(1).astype(float), (named * of_column).sum(1)
        task, column = np.nonzero(classes >= 0)
        self._met.append((task + self._tasks, classes[task, column], queries[task, column], hits[task, column]))
        self._tasks += len(classes)
        task, query, column = np.nonzero((named > 0) & counted[..., None] & ~of_column)
        true, said = classes[task, columns[task, query]], classes[task, column]
        real = (true >= 0) & (said >= 0)
        self._taken.append((true[real] * len(self.names) + said[real], named[task, query, column][real]))

    def result(self) -> ByClass | None:
        """All of it; None where no query was of a class."""
        if not self._met:
            return None
        tasks, classes, queries, hits = (np.concatenate(part) for part in zip(*self._met, strict=True))
        order = np.argsort(classes, kind="stable")
        tasks, classes, queries, hits = tasks[order], classes[order], queries[order], hits[order]
        numbers, starts = np.unique(classes, return_index=True)
        rows = {int(n): slice(low, high) for n, low, high in zip(numbers, starts, [*starts[1:], len(classes)], strict=True)}
        scores = [_scored(self.names[n], queries[part], hits[part]) for n, part in rows.items() if queries[part].sum() > 0]
        if not scores:
            return None
        keys, weights = (np.concatenate(part) for part in zip(*self._taken, strict=True))
        pairs, inverse = np.unique(keys, return_inverse=True)
        counts = np.bincount(inverse.reshape(-1), weights, minlength=len(pairs))
        confusions = []
        for place in np.lexsort((pairs, -counts))[:_MOST]:
            true, said = divmod(int(pairs[place]), len(self.names))
            both = np.isin(tasks[rows[true]], tasks[rows[said]])
            of = int(queries[rows[true]][both].sum())
            confusions.append(Confusion(self.names[true], self.names[said], round(float(counts[place]), 6), of))
        return ByClass(tuple(scores), tuple(confusions), round(float(counts.sum()), 6), self.by)


def _scored(name: str, queries: _Numbers, hits: _Numbers) -> ClassScore:
    """The accuracy of a class, of its queries and hits in each task.

    The interval is Wilson's at the effective number of queries (Kish, 1965, Survey sampling): queries of one task are answered
    from one support set, so they count for as many independent ones as the spread between tasks allows, at most all.
    """
    met = queries > 0
    queries, hits = queries[met], hits[met]
    total, tasks = float(queries.sum()), len(queries)
    share = min(1.0, float(hits.sum()) / total)
    effective = total
    if tasks > 1 and 0 < share < 1:
        between = float(((hits - share * queries) ** 2).sum()) / total**2 * tasks / (tasks - 1)
        effective = total / max(1.0, between / (share * (1 - share) / total))
    interval = interval_of_share(share, max(1, int(effective)))
    return ClassScore(name, share, interval, int(total), tasks)
