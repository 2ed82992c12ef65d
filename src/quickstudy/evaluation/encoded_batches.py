"""The tasks of a plan in encoded batches: each row of a finite data set is encoded once, no matter how many tasks contain it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from quickstudy.errors import LearnerError
from quickstudy.execution.batching import encode_tasks
from quickstudy.functional.tree import cat, map_leaves, rows_of, to
from quickstudy.inputs.explained import explained, first_rows
from quickstudy.learner import Learner
from quickstudy.task import Task
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.row_source import RowSource
from quickstudy.tasks.source import Plan, TaskSource, rows_seen

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


def encoded_batches(
    learner: Learner[Any], source: TaskSource[Any], plan: Plan, batch: int, device: torch.device
) -> Iterator[Task]:
    """Batches of encoded tasks; each row of a finite data set is encoded once."""
    _refuse_company(learner)
    table, rows = None, (torch.empty(0), torch.empty(0))
    if learner.encodes and isinstance(source, RowSource) and isinstance(plan, RowPlan):
        distinct, places = rows_seen(plan.support_rows, plan.query_rows)
        at_once = _AT_ONCE if device.type == "cpu" else 10 * _AT_ONCE
        with explained(learner, lambda: source.raw(distinct[:1])):
            parts = [learner.encode(to(source.raw(part), device)) for part in distinct.split(at_once)]  # type: ignore[no-untyped-call]
            table, rows = cat(parts), (places[0], places[1])
    for low in range(0, len(plan), batch):
        part: Any = plan[low : low + batch]
        if table is None:
            raw = to(source.gather(part), device)
            with explained(learner, first_rows(raw)):
                encoded = encode_tasks(learner, raw)
            yield encoded
        else:
            moved = part.at((rows[0][low : low + batch], rows[1][low : low + batch]))
            yield to(source.arrange(moved, lambda r: map_leaves(lambda leaf: rows_of(leaf, r), table)), device)  # type: ignore[attr-defined]
