"""The same plan gives the same tasks with other inputs."""

from dataclasses import replace

import pytest
import torch

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.task_table import Table
from quickstudy.errors import TaskError
from quickstudy.tasks import ByTask, FewShot, OpenSet, Sinusoid, other_inputs
from quickstudy.tasks.source import TaskSource, generator_of

INDEX = from_arrays(torch.arange(60.0)[:, None], torch.arange(60) % 6)
TABLE = Table(torch.arange(60.0)[:, None], torch.arange(60) % 2, torch.arange(60) // 20, ("a", "b", "c"), ("no", "yes"))


@pytest.mark.parametrize(
    "source",
    [FewShot(INDEX, 3, 2, 2), OpenSet(INDEX, 3, 2, 2, unknown=2), ByTask(TABLE, 3, 4)],
    ids=["few-shot", "open set", "by task"],
)
def test_a_plan_gives_the_same_tasks(source: TaskSource) -> None:  # type: ignore[type-arg]
    other = other_inputs(source, lambda data: replace(data, x=-data.x.repeat(1, 2)))
    plan = source.plan(4, generator_of(0))
    before, after = source.gather(plan), other.gather(plan)
    for side in ("support", "query"):
        assert torch.equal(getattr(after, side).x, -getattr(before, side).x.repeat(1, 1, 2))
        assert torch.equal(getattr(after, side).y, getattr(before, side).y)
    assert other.digest(plan) != source.digest(plan)


def test_what_changes_more_is_refused() -> None:
    with pytest.raises(TaskError, match="more than other inputs"):
        other_inputs(FewShot(INDEX, 2, 2, 2), lambda index: index.select(["0", "1"]))
    with pytest.raises(TaskError, match="cannot be changed"):
        other_inputs(Sinusoid(), lambda data: data)  # type: ignore[type-var]
