"""What known kinds of cases have in common: a forest of them against normal rows, whose score stands beside each row."""

import hashlib
from dataclasses import replace

import torch
from torch import Tensor

from quickstudy.datasets.task_table import Table
from quickstudy.nn.forest import Forest
from quickstudy.nn.frozen import Frozen
from quickstudy.nn.with_inputs import WithInputs

__all__ = ["known_kinds"]

_MOST, _PARTS = 4, 5
_KEPT: dict[str, tuple[Forest, Tensor]] = {}
"""The last ones by their rows: trainings, controls and folds share them."""


def known_kinds(table: Table) -> tuple[Frozen, Table]:
    """Rows and the score of known cases, as a backbone for new rows; and a table whose own scores are cross-fitted.

    A kind of case gets its score, and that of its task's normal rows, by forests of *other* kinds; a normal row by forests
    that were not fitted to it. So in meta-training a score is worth what it will be worth on a new kind. With one kind there are
    no others, and all scores are 0.

    Args:
        table: of cases against normal rows, see `datasets.against_normal`; the normal rows are the same in each task.
    """
    rows = table.gather(torch.arange(len(table)))
    key = hashlib.sha256(rows.numpy().tobytes() + table.y.numpy().tobytes() + table.tasks.numpy().tobytes()).hexdigest()
    if key not in _KEPT:
        while len(_KEPT) >= _MOST:
            _KEPT.pop(next(iter(_KEPT)))
        first = (table.tasks == 0) | (table.y == 1)
        _KEPT[key] = Forest.fitted(rows[first], table.y[first]), _cross_fitted(table, rows)
    forest, scores = _KEPT[key]
    width = rows.shape[1] + 1
    return Frozen(WithInputs(forest, width)), replace(table, x=torch.cat([rows, scores[:, None]], 1), reads=None)


def _cross_fitted(table: Table, rows: Tensor) -> Tensor:
    """The score of each row by a forest of other kinds and other normal rows, (R,); kinds are left out in five parts."""
    scores, part = torch.zeros(len(table)), table.tasks % _PARTS
    first = table.tasks == 0
    normal = (first & (table.y == 0)).nonzero()[:, 0]
    halves = normal[::2], normal[1::2]
    for left_out in sorted(set(part.tolist())):
        known = ((table.y == 1) & (part != left_out)).nonzero()[:, 0]
        cases = ((table.y == 1) & (part == left_out)).nonzero()[:, 0]
        if not len(known):
            continue
        own = torch.zeros(len(normal))
        for half in (0, 1):
            fitted = torch.cat([halves[half], known])
            forest = Forest.fitted(rows[fitted], table.y[fitted], seed=left_out)
            own[1 - half :: 2] = forest(rows[halves[1 - half]])[:, 0]
            scores[cases] += forest(rows[cases])[:, 0] / 2
        for task in range(left_out, len(table.task_names), _PARTS):
            scores[(table.tasks == task) & (table.y == 0)] = own
    return scores
