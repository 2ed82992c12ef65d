"""Baselines from other libraries: a function of arrays as a baseline, and task lists from elsewhere."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.evaluation.outside import OfArrays, Solver
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan

__all__ = ["baseline", "listed_rows"]


def baseline(fn: Solver, *, flat: bool = True) -> OfArrays:
    """One function of arrays as a baseline that `evaluate` evaluates, on a frozen task list or any other.

    ``fn`` gets one task: the support set's inputs and class numbers (0 … N−1; for regression values), and the queries' inputs.
    It returns a probability for each class (Q, N), class numbers (Q,), values (Q,) or (Q, P), or means and deviations.

    The source says whether targets are classes or values. An estimator needs no such function:
    ``evaluate(GaussianNB(), source)``.

    Args:
        fn: fits and predicts.
        flat: inputs come as rows of numbers (S, D), as scikit-learn wants them; False keeps their shape.

    Raises:
        DataError: (when evaluated) inputs that are no single array.

    >>> from sklearn.naive_bayes import GaussianNB
    >>> from quickstudy.datasets.arrays import from_arrays
    >>> from quickstudy.evaluation.evaluate import evaluate
    >>> def bayes(support_x, support_y, query_x):
    ...     return GaussianNB(var_smoothing=1e-2).fit(support_x, support_y).predict_proba(query_x)
    >>> labels = torch.arange(120) % 6
    >>> source = FewShot(from_arrays(torch.eye(6)[labels], labels), ways=3, shots=2, queries=5)
    >>> report = evaluate(baseline(bayes), source, tasks=4)
    >>> report.model, report.mean
    ('bayes', 1.0)
    """

    return OfArrays(fn, flat)


def listed_rows(source: FewShot, tasks: Sequence[tuple[Sequence[int], Sequence[int]]]) -> RowPlan:
    """Tasks that were listed elsewhere, as row numbers of support and query set, for ``evaluate(model, source, plan=…)``.

    Classes stand in the order in which the support sets name them first; tasks may differ in ways, shots and queries.

    Args:
        source: over the data whose rows are listed; its own sizes do not matter.
        tasks: for each task the rows of its support set and those of its query set.

    Raises:
        TaskError: no tasks, a row that is not there or in both sets, a query of a class without support.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> source = FewShot(from_arrays(torch.randn(60, 4), torch.arange(60) % 6), queries=5)
    >>> plan = listed_rows(source, [([0, 1], [6, 7, 12]), ([3, 2, 4], [9])])
    >>> source.gather(plan).support.y[1].argmax(1), plan.classes.tolist()
    (tensor([0, 1, 2]), [[0, 1, -1], [3, 2, 4]])
    """
    if not tasks:
        raise TaskError("the list holds no tasks. Give the rows of at least one.")
    columns, classes = [], []
    for number, sets in enumerate(tasks):
        named = _classes(source, number, *sets)
        classes.append(named)
        columns.append([[named.index(int(source.index.labels[row])) for row in rows] for rows in sets])
    support, query = (_side([task[side] for task in tasks], [task[side] for task in columns]) for side in (0, 1))
    return RowPlan(*support, *query, _padded(classes))


def _side(rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and mask (B, S) of one side of all tasks."""
    padded = _padded(rows)
    return padded.clamp(min=0), _padded(columns).clamp(min=0), padded >= 0


def _classes(source: FewShot, number: int, support: Sequence[int], query: Sequence[int]) -> list[int]:
    """The classes of a listed task, in the order in which its support set names them."""
    scene = f"task {number} of the list"
    rows = [*support, *query]
    if not support or not query:
        raise TaskError(f"{scene} lacks a support or a query set. List at least one row of each.")
    if min(rows) < 0 or max(rows) >= len(source.index):
        raise TaskError(f"{scene} names row {max(rows)}, but {source.index.name} has rows 0 to {len(source.index) - 1}.")
    if len(set(rows)) < len(rows):
        raise TaskError(f"{scene} names a row twice. A query must not be among the examples that were learned.")
    named = list(dict.fromkeys(source.index.labels[torch.tensor(support)].tolist()))
    missing = set(source.index.labels[torch.tensor(query)].tolist()) - set(named)
    if missing:
        raise TaskError(f'{scene} has a query of class "{source.index.classes[min(missing)]}", but no support example of it.')
    return named


def _padded(lists: Sequence[Sequence[int]]) -> Tensor:
    """Lists as rows of one tensor, filled up with −1."""
    longest = max(map(len, lists))
    return torch.from_numpy(np.array([[*row, *[-1] * (longest - len(row))] for row in lists], dtype=np.int64))
