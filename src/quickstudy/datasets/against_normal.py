"""One task for each kind of case: its rows against normal ones, which all tasks share."""

import torch

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.held_rows import part_of
from quickstudy.datasets.row_hashes import equal_rows
from quickstudy.datasets.task_table import Table
from quickstudy.errors import DataError, nearest

__all__ = ["CASE", "NORMAL", "against_normal"]

NORMAL, CASE = "normal", "case"


def against_normal(index: ClassIndex, normal: str) -> Table:
    """A table with one task for each class but one: its rows are cases, those of that one are normal.

    Normal rows belong to every task. Equal rows are a group, so that none is ever in the support set and among the queries.

    Args:
        index: rows of many kinds of cases (diagnoses, attacks), and normal ones.
        normal: the class that is no case.

    Raises:
        DataError: there is no such class, or no other.

    >>> index = ClassIndex(torch.arange(5.0)[:, None], torch.tensor([0, 0, 1, 2, 2]), ("none", "flu", "cold"))
    >>> table = against_normal(index, "none")
    >>> table, table.task_names, table.counts.tolist()
    (Table(data: 7 rows of 2 tasks, 2 classes), ('flu', 'cold'), [3, 4])
    """
    if normal not in index.classes:
        raise DataError(
            f"{index.name} has no class {normal!r} of normal rows.{nearest(normal, index.classes)} Name the one that is no case."
        )
    kinds = [number for number, name in enumerate(index.classes) if name != normal]
    base = (index.labels == index.classes.index(normal)).nonzero()[:, 0]
    cases = [(index.labels == kind).nonzero()[:, 0] for kind in kinds]
    rows = torch.cat([part for own in cases for part in (base, own)])
    y = torch.cat([torch.tensor([0] * len(base) + [1] * len(own)) for own in cases])
    tasks = torch.cat([torch.full((len(base) + len(own),), number) for number, own in enumerate(cases)])
    return Table(
        part_of(index.x, rows),
        y,
        tasks,
        tuple(index.classes[kind] for kind in kinds),
        (NORMAL, CASE),
        index.name,
        equal_rows(index)[rows],
        reads=index.reads,
    )
