"""The tasks of a plan in encoded batches: each row of a finite data set is encoded once, no matter how many tasks contain it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.execution.batching import encode_tasks
from quickstudy.functional.tree import cat, map_leaves, rows_of, to
from quickstudy.inputs.explained import explained, first_rows
from quickstudy.learner import Learner
from quickstudy.task import Inputs, Task
from quickstudy.tasks.source import Indexed, Plan, TaskSource, rows_seen

__all__ = ["encoded_batches"]

_AT_ONCE = 100
"""Rows that an encoder processes at once: feature maps of 500 leave a processor's caches, and take Conv4 nearly twice as long."""


def _refuse_company(learner: Learner[Any]) -> None:
    """Features shared by tasks must not depend on which rows are encoded together."""
    for path, module in learner.named_modules() if learner.encodes else ():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None:
            raise LearnerError(
                f"{path} ({type(module).__name__}) of {type(learner).__name__} keeps no running averages: in eval mode a feature "
                "would depend on whatever is encoded beside it, other tasks included. Build it with track_running_stats=True."
            )


class _Shared:
    """Features of rows that are encoded before any task is made, and those of tasks whose rows are theirs alone.

    Args:
        learner: that encodes.
        device: of the learner.
        planned: data and row numbers of it.
    """

    def __init__(self, learner: Learner[Any], device: torch.device, planned: list[tuple[Indexed, Tensor]]) -> None:
        self.learner, self.device = learner, device
        numbers: dict[int, list[Tensor]] = {}
        whose: dict[int, Indexed] = {}
        for data, rows in planned:
            whose[id(data)] = data
            numbers.setdefault(id(data), []).append(rows)
        self._known = {key: self._encoded(data, numbers[key]) for key, data in whose.items()}

    def _encoded(self, data: Indexed, rows: list[Tensor]) -> tuple[Tensor, Inputs]:
        """The distinct row numbers, sorted, and their features."""
        distinct, _ = rows_seen(*rows)
        at_once = _AT_ONCE if self.device.type == "cpu" else 10 * _AT_ONCE
        with explained(self.learner, lambda: data.gather(distinct[:1])):
            parts = [self.learner.encode(to(data.gather(part), self.device)) for part in distinct.split(at_once)]  # type: ignore[no-untyped-call]
            return distinct, cat(parts)

    def rows(self, data: Indexed, rows: Tensor) -> Inputs:
        distinct, table = self._known[id(data)]
        places = torch.searchsorted(distinct, rows)
        return map_leaves(lambda leaf: rows_of(leaf, places), table)

    def tasks(self, tasks: Task) -> Task:
        raw = to(tasks, self.device)
        with explained(self.learner, first_rows(raw)):
            return encode_tasks(self.learner, raw)


def encoded_batches(
    learner: Learner[Any], source: TaskSource[Any], plan: Plan, batch: int, device: torch.device
) -> Iterator[Task]:
    """Batches of encoded tasks; each row of a finite data set is encoded once, whichever of its tasks and sources have it."""
    _refuse_company(learner)
    shared = _Shared(learner, device, list(source.rows(plan)) if learner.encodes else [])
    for low in range(0, len(plan), batch):
        part: Any = plan[low : low + batch]
        yield to(source.encoded(part, shared), device) if learner.encodes else shared.tasks(source.gather(part))
