"""Tasks that a table names: each patient, assay, customer or series with targets of its own, classes, labels or values."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from quickstudy.borders.arguments import shown, whole
from quickstudy.datasets.row_hashes import content_of
from quickstudy.datasets.task_table import Table
from quickstudy.errors import TaskError, nearest
from quickstudy.functional.tree import leaves
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Categorical, Gaussian, Labels, Likelihood
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.row_plan import TaskPlan
from quickstudy.tasks.row_source import RowSource

__all__ = ["ByTask"]

_TRIES = 50
_NAMED = 5

_Drawn = tuple[Tensor, Tensor]
"""Row numbers of a task's support and query set."""


class ByTask(RowSource[TaskPlan]):
    """Tasks of a table, drawn uniformly; some rows of a task are its support set, the others its queries.

    **Values** and **labels** (rows may have several): ``shots`` rows are the support set, at random or the first in time; some of
    them have a label. **Classes** at random: ``shots`` rows of each
    class of the task that has one more (a class with fewer is left out of this task), or as many of each as a mapping says,
    ``{"active": 5, "inactive": 10}``; with ``shares``, ``shots`` rows in all, of each class its share of the task's rows, but at
    least one, and one is left. Classes by time: the first ``shots`` rows, whatever their classes; later rows of classes
    that are not among them are no queries. Where the table knows groups, support and query never share one: rows of a support
    set's group are left out of the queries. Tasks of any length share a batch, padded.

    Args:
        table: `datasets.table` with ``task=`` makes one.
        shots: rows of the support set, as above.
        queries: rows to be predicted, at random or the next in time; None takes all that are left. Of classes also a mapping,
            ``{"active": 20, "inactive": 100}``: at most so many of each.
        order: "random", or "first" for the first rows by the table's time (by row number where it has none).
        columns: "fixed" puts a class in the same column of each task, "shuffled" anew in each task; "auto" is "fixed" where all
            tasks have all classes (positive and negative; the gestures of each user). Labels are always in fixed columns.
        shares: see above.
        too_small: "skip" leaves out tasks with too few rows (``skipped`` names them); otherwise they are named in an error.

    Raises:
        TaskError: tasks that are too small, no tasks left, shots of classes that are not there.

    >>> table = Table(torch.randn(12, 3), torch.randn(12, 1), torch.arange(12) % 2, ("ann", "bob"))
    >>> task = ByTask(table, shots=2).sample(5)
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([5, 2, 3]), torch.Size([5, 4, 1]))
    """

    def __init__(
        self,
        table: Table,
        shots: int | Mapping[str, int] = 5,
        queries: int | Mapping[str, int] | None = None,
        *,
        order: Literal["random", "first"] = "random",
        columns: Literal["auto", "fixed", "shuffled"] = "auto",
        shares: bool = False,
        too_small: Literal["raise", "skip"] = "raise",
    ) -> None:
        if isinstance(queries, int):
            whole(TaskError, queries=queries)
        self.table, self.shots, self.queries, self.order, self.shares = table, shots, queries, order, shares
        self._wanted = self._by_class(shots)
        self._most = self._by_class(queries, "queries") if isinstance(queries, Mapping) else None
        time = torch.arange(len(table)) if table.time is None else table.time
        by_time = torch.argsort(time, stable=True)
        by_task = by_time[torch.argsort(table.tasks[by_time], stable=True)]
        self._rows: list[Tensor] = list(by_task.split(table.counts.tolist()))  # type: ignore[no-untyped-call]
        self.fixed = table.kind == "classes" and (self._all_share() if columns == "auto" else columns == "fixed")
        said, asked = [_listed(sizes) if isinstance(sizes, Mapping) else str(sizes) for sizes in (shots, queries)]
        said = said if isinstance(shots, Mapping) else f"{said} rows by share" if shares else f"{said}-shot"
        asked = "all other rows as queries" if queries is None else f"{asked} queries"
        self.name = f"{table.name} by task, {'first ' if order == 'first' else ''}{said}, {asked}"
        self.name += ", fixed columns" if self.fixed else ""
        self.skipped: tuple[str, ...] = ()
        self._tasks = self._large_enough(too_small)

    @property
    def likelihood(self) -> Likelihood:
        return {"classes": Categorical(), "labels": Labels(), "values": Gaussian()}[self.table.kind]

    @property
    def reads(self) -> InputKind | None:
        return self.table.reads

    def __len__(self) -> int:
        """How many tasks there are."""
        return len(self._tasks)

    def plan(self, batch: int, generator: torch.Generator | None = None) -> TaskPlan:
        which = torch.randint(len(self._tasks), (batch,), generator=generator)
        return self._planned(self._tasks[which], generator)

    def each(self, generator: torch.Generator | None = None, draws: int = 1) -> TaskPlan:
        """Every task once, in the table's order, ``draws`` times over: ``evaluate(model, source, plan=source.each())``."""
        return self._planned(self._tasks.repeat(draws), generator)

    def named_columns(self, plan: TaskPlan) -> tuple[Tensor, Sequence[str]] | None:
        return (plan.classes, self.table.classes) if self.table.kind == "classes" else None

    @property
    def data(self) -> Table:
        return self.table

    def arrange(self, plan: TaskPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        sides = [
            (plan.support_rows, plan.support_columns, plan.support_mask),
            (plan.query_rows, plan.query_columns, plan.query_mask),
        ]
        parts = []
        for rows, columns, real in sides:
            x = gather(rows)
            kind = leaves(x)[0].dtype
            mask = real.to(kind if kind.is_floating_point else torch.get_default_dtype())
            if self.table.kind == "classes":
                y = torch.nn.functional.one_hot(columns, plan.classes.shape[1]) * mask[..., None]
            else:
                y = self.table.y[rows] * mask[..., None]
            parts.append(Examples(x, y, mask))
        return Task(*parts)

    def digest(self, plan: TaskPlan) -> str:
        """Of the plan, the names of classes and tasks, and the inputs and targets of every row in it."""
        rows = torch.unique(torch.cat([plan.support_rows.flatten(), plan.query_rows.flatten()]))
        targets = hashlib.sha256(self.table.y[rows].numpy().tobytes()).hexdigest()
        parts = [super().digest(plan), content_of(self.table, rows), targets, *self.table.classes, *self.table.task_names]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _by_class(self, shots: int | Mapping[str, int], what: str = "shots") -> Tensor | None:
        """How many rows of each class (C,) a support set has, or how many queries; None where its rows are of any class."""
        shared = self.shares and what == "shots"
        if shared and (isinstance(shots, Mapping) or self.table.kind != "classes" or self.order == "first"):
            raise TaskError("shares=True is of a whole number of rows of classes at random. Leave it out.")
        if not isinstance(shots, Mapping):
            whole(TaskError, shots=shots)
            each = self.table.kind == "classes" and self.order == "random"
            return torch.full((len(self.table.classes),), shots) if each else None
        if self.table.kind != "classes" or self.order == "first":
            why = f"targets are {self.table.kind}"
            why = 'order="first" takes rows of any class' if self.table.kind == "classes" else why
            raise TaskError(f"{what}={shown(dict(shots))} are by class, but {why}. Give a whole number.")
        wanted = torch.zeros(len(self.table.classes), dtype=torch.long)
        for name, count in shots.items():
            if name not in self.table.classes:
                raise TaskError(f"{self.table.name} has no class {name!r}.{nearest(str(name), self.table.classes)}")
            whole(TaskError, **{what: count})
            wanted[self.table.classes.index(name)] = count
        if len(shots) < 2:
            raise TaskError(f"{what}={shown(dict(shots))} names {len(shots)} class. A task tells two or more apart: name them.")
        return wanted

    def _all_share(self) -> bool:
        """Whether every task has every class."""
        pairs = self.table.tasks * len(self.table.classes) + self.table.y
        return len(torch.unique(pairs)) == len(self.table.task_names) * len(self.table.classes)

    def _large_enough(self, too_small: str) -> Tensor:
        """The numbers of the tasks that can be drawn; each is tried once."""
        generator = torch.Generator().manual_seed(0)
        fits = torch.tensor([self._drawn(task, generator) is not None for task in range(len(self._rows))])
        small = [self.table.task_names[task] for task in (~fits).nonzero()[:, 0].tolist()]
        if small and (too_small == "raise" or len(small) == len(fits)):
            named = ", ".join(f'"{name}"' for name in small[:_NAMED])
            more = f" and {len(small) - _NAMED:,} more" if len(small) > _NAMED else ""
            sizes = [len(self._rows[task]) for task in (~fits).nonzero()[:, 0].tolist()]
            remedy = (
                "Lower shots or queries."
                if len(small) == len(fits)
                else ('Lower shots or queries, or leave such tasks out: too_small="skip".')
            )
            raise TaskError(
                f"{len(small):,} of {len(fits):,} tasks of {self.table.name} are too small for {self.name}: {named}{more} "
                f"({min(sizes)} to {max(sizes)} rows{self._besides()}). {remedy}"
            )
        self.skipped = tuple(small)
        return fits.nonzero()[:, 0]

    def _besides(self) -> str:
        """What else than the number of rows may be lacking."""
        found = ["a group is never on both sides"] if self.table.groups is not None else []
        found += ["two classes or more are needed in a support set"] if self.table.kind == "classes" else []
        found += ["a support set needs a row with a label"] if self.table.kind == "labels" else []
        return "".join(f"; {reason}" for reason in found)

    def _planned(self, tasks: Tensor, generator: torch.Generator | None) -> TaskPlan:
        drawn = []
        for task in tasks.tolist():
            found = self._drawn(task, generator)
            if found is None:
                raise TaskError(
                    f'the task "{self.table.task_names[task]}" of {self.table.name} could not be parted by its groups so that '
                    "enough rows are left as queries. Lower shots or queries."
                )
            drawn.append(found)
        classes = self._columns([support for support, _ in drawn], generator)
        sides = [self._padded([pair[side] for pair in drawn], classes) for side in (0, 1)]
        return TaskPlan(*sides[0], *sides[1], classes, tasks)

    def _drawn(self, task: int, generator: torch.Generator | None) -> _Drawn | None:
        """Rows of one task; None where they are too few."""
        luck = self.table.groups is not None or self.table.kind == "labels"
        tries = _TRIES if luck and self.order == "random" else 1
        for _ in range(tries):
            rows = self._rows[task] if self.order == "first" else self._shuffled(self._rows[task], generator)
            found = self._parted(rows)
            if found is not None:
                support, query = found
                if self.order == "random" and self.table.groups is not None:
                    query = query[torch.randperm(len(query), generator=generator)]
                return support, query[: self.queries] if self._most is None else self._some(query, self._most)
        return None

    def _some(self, query: Tensor, most: Tensor) -> Tensor:
        """The first queries of each class, so many as are wanted."""
        of_class = self.table.y[query][:, None] == torch.arange(len(most))
        return query[(of_class & (of_class.cumsum(0) <= most)).any(1)]

    def _shuffled(self, rows: Tensor, generator: torch.Generator | None) -> Tensor:
        """Rows in random order; those of a group stay together."""
        rows = rows[torch.randperm(len(rows), generator=generator)]
        if self.table.groups is None:
            return rows
        groups, place = torch.unique(self.table.groups[rows], return_inverse=True)
        return rows[torch.argsort(torch.randperm(len(groups), generator=generator)[place], stable=True)]

    def _parted(self, rows: Tensor) -> _Drawn | None:
        """The first rows that make a support set, and all that may be queries."""
        y = self.table.y[rows]
        if self._wanted is None:
            assert isinstance(self.shots, int)
            chosen = torch.arange(len(rows)) < self.shots
            lacking = len(rows) < self.shots
        else:
            of_class = y[:, None] == torch.arange(len(self._wanted))
            counts = of_class.sum(0)
            named = isinstance(self.shots, Mapping)
            wanted = self._of_each(counts) if self.shares else self._wanted
            used = wanted > 0 if named else counts > wanted
            lacking = (named and bool((counts < wanted).any())) or (self.shares and len(rows) <= int(self._wanted[0]))
            chosen = (of_class & (of_class.cumsum(0) <= wanted) & used).any(1)
        free = ~chosen
        if self.table.groups is not None:
            free &= ~torch.isin(self.table.groups[rows], self.table.groups[rows[chosen]])
        if self.table.kind == "labels":
            lacking = lacking or not bool((y[chosen] > 0).any())
        if self.table.kind == "classes":
            known = torch.unique(y[chosen])
            lacking = lacking or len(known) < 2
            free &= torch.isin(y, known)
        support, query = rows[chosen], rows[free]
        least = self.queries if isinstance(self.queries, int) else 1
        return None if lacking or len(query) < least else (support, query)

    def _of_each(self, counts: Tensor) -> Tensor:
        """How many rows of each class (C,) are its share of the support set; the class with most rows takes what is left over."""
        assert isinstance(self.shots, int)
        found = torch.minimum((self.shots * counts / counts.sum()).round().long().clamp(min=1), counts - 1).clamp(min=0)
        most = int(counts.argmax())
        found[most] += self.shots - int(found.sum())
        return found

    def _columns(self, supports: list[Tensor], generator: torch.Generator | None) -> Tensor:
        """The class in each column of each task, (B, N), -1 = none."""
        if self.table.kind != "classes":
            return torch.full((len(supports), 1), -1)
        known = [torch.unique(self.table.y[support]) for support in supports]
        if self.fixed:
            every = torch.arange(len(self.table.classes))
            return torch.stack([torch.where(torch.isin(every, classes), every, -1) for classes in known])
        mixed = [classes[torch.randperm(len(classes), generator=generator)] for classes in known]
        return torch.nn.utils.rnn.pad_sequence(mixed, batch_first=True, padding_value=-1)

    def _padded(self, rows: list[Tensor], classes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (B, S), their columns and masks."""
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.arange(padded.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
        if self.table.kind != "classes":
            return padded, torch.zeros_like(padded), mask
        columns = (self.table.y[padded][..., None] == classes[:, None]).long().argmax(2)
        return padded, columns * mask, mask


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sizes.items())
