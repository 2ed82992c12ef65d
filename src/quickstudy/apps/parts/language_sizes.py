"""How many pairs of a new language are known and how many are left, for applications whose tasks are languages."""

from collections.abc import Callable, Mapping, Sequence

from quickstudy.apps.application import Setting
from quickstudy.datasets.task_table import Table, TableSplits
from quickstudy.errors import DataError
from quickstudy.reports.promise import Promise
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.source import generator_of

__all__ = ["SHOTS", "by_pairs", "fitting", "left"]

SHOTS = (10, 30, 100)
"""Pairs that are known."""

_DRAWS, _LIST = 3, 1000


def left(part: Table, shots: int, wanted: int, fewest: int) -> int:
    """Rows that a task asks for; where fewer than half of the languages have as many as wanted, fewer rows of more languages.

    Args:
        part: of the languages.
        shots: pairs that are known.
        wanted: rows beside them.
        fewest: rows beside them with which a language counts.
    """
    several = part.counts[part.counts >= shots + fewest]
    return wanted if int((several >= shots + wanted).sum()) * 2 >= len(several) else int(several.min()) - shots


def fitting(part: Table, fewest: int) -> list[int]:
    """The numbers of pairs after which some language of this part has ``fewest`` rows left.

    Raises:
        DataError: there are none.
    """
    found = [shots for shots in SHOTS if int(part.counts.max()) >= shots + fewest]
    if not found:
        raise DataError(f"{part.name}: no language has {SHOTS[0] + fewest} rows. Give languages with more of them.")
    return found


def by_pairs(
    tables: TableSplits, fewest: int, tasks: Callable[[Table, int], ByTask], promises: Mapping[int, Sequence[Promise]]
) -> dict[str, Setting]:
    """Every meta-test language with enough rows, three times over: some pairs at random are known, others are asked for.

    Args:
        tables: of the languages.
        fewest: rows beside the known ones with which a language counts.
        tasks: makes the tasks of a part, by the number of known pairs.
        promises: by the number of known pairs.
    """
    found = {}
    for shots in fitting(tables.test, fewest):
        test = tasks(tables.test, shots)
        val = tasks(tables.val, shots) if shots in fitting(tables.val, fewest) else None
        plan = test.each(generator_of(_LIST, shots), _DRAWS)
        found[f"{shots} pairs"] = Setting(test, val, shots, len(plan), plan, promises=tuple(promises[shots]))
    return found
