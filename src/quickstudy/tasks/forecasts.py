"""Tasks in time: the past of a patient, a customer or a series is the support set, and what comes next is to be predicted."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.borders.arguments import number, whole
from quickstudy.datasets.row_hashes import content_of
from quickstudy.datasets.task_table import Table
from quickstudy.errors import TaskError
from quickstudy.functional.tree import leaves
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Gaussian, Likelihood
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.row_plan import TaskPlan
from quickstudy.tasks.row_source import RowSource

__all__ = ["Forecasts"]


class _Windows(NamedTuple):
    """Windows: their history, the place of their first row among the ordered rows, their task, their queries (W,)."""

    history: Tensor
    start: Tensor
    task: Tensor
    queries: Tensor


class Forecasts(RowSource[TaskPlan]):
    """Windows of a table's tasks in the order of time: ``history`` rows are the support set, the next ``horizon`` the queries.

    The table needs values and times. A window begins at any row, or at one of the first where ``starts`` says so; each window is
    drawn equally often. So one long series gives many tasks, and windows of one task overlap: intervals of a report are by the
    table's tasks, not by windows.

    Args:
        table: `datasets.table` with ``task=``, ``target=`` and ``time=`` makes one.
        history: rows of the support set; of several lengths each is drawn equally often.
        horizon: rows to be predicted; None takes all that follow.
        starts: windows begin at one of so many first rows of a task; None: at any.
        step: time from row to row, where it is regular: windows with a gap are left out.

    Raises:
        TaskError: a table without times or of classes, or no window that is long enough.

    >>> days = torch.arange(24) % 12.0
    >>> table = Table(days[:, None], days[:, None], torch.arange(24) // 12, ("ann", "bob"), time=days)
    >>> source = Forecasts(table, history=3, horizon=2, starts=1)
    >>> source.gather(source.each()).query.y[:, :, 0]
    tensor([[3., 4.],
            [3., 4.]])
    """

    def __init__(
        self,
        table: Table,
        history: int | Sequence[int],
        horizon: int | None = None,
        *,
        starts: int | None = None,
        step: float | None = None,
    ) -> None:
        lengths = (history,) if isinstance(history, int) else tuple(history)
        for length in lengths:
            whole(TaskError, history=length)
        for name, given in {"horizon": horizon, "starts": starts}.items():
            if given is not None:
                whole(TaskError, **{name: given})
        if step is not None:
            number(TaskError, step=step, above=True)
        if table.time is None or table.kind != "values":
            what = f"targets are {table.kind}" if table.time is not None else "rows have no times: datasets.table(…, time=…)"
            raise TaskError(f"{table.name}: its {what}. Forecasts are of values in time.")
        self.table, self.horizon = table, horizon
        self.history, self.starts, self.step = lengths, starts, step
        by_time = torch.argsort(table.time, stable=True)
        self._order = by_time[torch.argsort(table.tasks[by_time], stable=True)]
        said = " or ".join(map(str, lengths))
        self.name = f"{table.name} {'first ' if starts == 1 else ''}{said} rows, {horizon or 'all'} next"
        self._windows = [self._of(length) for length in lengths]

    @property
    def likelihood(self) -> Likelihood:
        return Gaussian()

    @property
    def reads(self) -> InputKind | None:
        return self.table.reads

    @property
    def data(self) -> Table:
        return self.table

    def __len__(self) -> int:
        """How many windows there are."""
        return sum(len(windows.start) for windows in self._windows)

    def plan(self, batch: int, generator: torch.Generator | None = None) -> TaskPlan:
        length = torch.randint(len(self.history), (batch,), generator=generator).tolist()
        drawn = [int(torch.randint(len(self._windows[n].start), (), generator=generator)) for n in length]
        picked = [[field[place] for field in self._windows[n]] for n, place in zip(length, drawn, strict=True)]
        return self._planned(_Windows(*[torch.stack(field) for field in zip(*picked, strict=True)]))

    def each(self, stride: int = 1) -> TaskPlan:
        """Every window once, or one in ``stride`` of each task's: ``evaluate(model, source, plan=source.each())``."""
        whole(TaskError, stride=stride)
        first = self.table.counts.cumsum(0) - self.table.counts
        kept = [(w, ((w.start - first[w.task]) % stride == 0).nonzero()[:, 0]) for w in self._windows]
        return self._planned(_Windows(*[torch.cat([windows[k][rows] for windows, rows in kept]) for k in range(4)]))

    def arrange(self, plan: TaskPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        parts = []
        for rows, real in ((plan.support_rows, plan.support_mask), (plan.query_rows, plan.query_mask)):
            x = gather(rows)
            mask = real.to(leaves(x)[0].dtype)
            parts.append(Examples(x, self.table.y[rows] * mask[..., None], mask))
        return Task(*parts)

    def digest(self, plan: TaskPlan) -> str:
        """Of the plan, the names of tasks, and the inputs and targets of every row in it."""
        rows = torch.unique(torch.cat([plan.support_rows.flatten(), plan.query_rows.flatten()]))
        targets = hashlib.sha256(self.table.y[rows].numpy().tobytes()).hexdigest()
        parts = [super().digest(plan), content_of(self.table, rows), targets, *self.table.task_names]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _of(self, history: int) -> _Windows:
        """All windows of one length."""
        counts, time = self.table.counts, self.table.time
        assert time is not None
        first = counts.cumsum(0) - counts
        place = torch.arange(len(self.table))
        task = self.table.tasks[self._order]
        left = counts[task] - (place - first[task])
        whole_ = history + (self.horizon or 1)
        fits = left >= whole_
        if self.starts is not None:
            fits &= place - first[task] < self.starts
        if self.step is not None:
            last = (place + whole_ - 1).clamp(max=len(place) - 1)
            passed = time[self._order][last] - time[self._order]
            fits &= (passed - (whole_ - 1) * self.step).abs() < 1e-6 * self.step
        start = fits.nonzero()[:, 0]
        if not len(start):
            gap = "" if self.step is None else f" without a gap, {self.step:g} from row to row"
            raise TaskError(
                f"no task of {self.table.name} has {whole_} rows{gap}; the longest has {int(counts.max())}. Lower history or "
                "horizon."
            )
        queries = left[start] - history if self.horizon is None else torch.full_like(start, self.horizon)
        return _Windows(torch.full_like(start, history), start, task[start], queries)

    def _planned(self, windows: _Windows) -> TaskPlan:
        past = self._rows(windows.start, windows.history)
        ahead = self._rows(windows.start + windows.history, windows.queries)
        none = torch.full((len(windows.start), 1), -1)
        sides = [(rows, torch.zeros_like(rows), mask) for rows, mask in (past, ahead)]
        return TaskPlan(*sides[0], *sides[1], none, windows.task)

    def _rows(self, start: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """``count`` ordered rows from ``start`` on, padded (B, R), and which are real."""
        steps = torch.arange(int(count.max()))
        mask = steps < count[:, None]
        return self._order[(start[:, None] + steps * mask)], mask
