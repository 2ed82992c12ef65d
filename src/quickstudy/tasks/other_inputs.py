"""The same tasks with other inputs: pixels in place of features, raw texts, columns of another kind."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

from quickstudy.errors import TaskError
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.few_shot import FewShot

__all__ = ["other_inputs"]

Source = TypeVar("Source", FewShot, ByTask)


def other_inputs(source: Source, change: Callable[[Any], Any]) -> Source:
    """A source of which a plan gives the tasks that it gives in ``source``, with other numbers for their rows.

    Args:
        source: of few-shot tasks, or of a table's.
        change: from its index or table to one with as many rows of the same classes, in the same order.

    Raises:
        TaskError: a source of another kind, or a change of more than inputs.

    >>> import torch
    >>> from dataclasses import replace
    >>> from quickstudy.datasets.arrays import from_arrays
    >>> source = FewShot(from_arrays(torch.randn(60, 4), torch.arange(60) % 6), ways=3, queries=2)
    >>> pixels = other_inputs(source, lambda index: replace(index, x=torch.randn(60, 3, 8, 8)))
    >>> pixels.gather(source.plan(2)).support.x.shape
    torch.Size([2, 3, 3, 8, 8])
    """
    if not isinstance(source, FewShot | ByTask):
        raise TaskError(f"the inputs of {getattr(source, 'name', source)} cannot be changed. Give FewShot or ByTask tasks.")
    field = "index" if isinstance(source, FewShot) else "table"
    before, found = source.data, copy.copy(source)
    after = change(before)
    if len(after) != len(before) or after.classes != before.classes:
        raise TaskError(f"{before.name} became {after!r}, which is more than other inputs. Keep its rows and classes.")
    setattr(found, field, after)
    return found
