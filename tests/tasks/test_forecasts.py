"""Tasks in time: which rows are the past and which are to be predicted."""

import pytest
import torch

from quickstudy.checks import check_source
from quickstudy.datasets import Table
from quickstudy.errors import TaskError
from quickstudy.tasks import Forecasts
from quickstudy.tasks.source import generator_of

# three tasks, their rows out of order: ann has times 0..6, bob 0..4, cy 0, 1, 2, 5, 6, 7 (a gap)
TIMES = torch.tensor([*range(7), *range(5), 0, 1, 2, 5, 6, 7]).double()
TASKS = torch.tensor([0] * 7 + [1] * 5 + [2] * 6)
ORDER = torch.randperm(18, generator=torch.Generator().manual_seed(0))


def rows() -> Table:
    values = (100 * TASKS + TIMES)[ORDER, None].float()
    return Table(values / 1000, values, TASKS[ORDER], ("ann", "bob", "cy"), time=TIMES[ORDER])


def shown(source: Forecasts) -> list[tuple[list[float], list[float]]]:
    tasks = source.gather(source.each())
    return [
        tuple(side.y[side.mask > 0, 0].tolist() for side in (t.support, t.query)) for t in (tasks[n] for n in range(len(tasks)))
    ]  # type: ignore[misc]


def test_the_first_rows_are_the_support_set_and_all_that_follow_the_queries() -> None:
    assert shown(Forecasts(rows(), 4, starts=1)) == [
        ([0, 1, 2, 3], [4, 5, 6]),
        ([100, 101, 102, 103], [104]),
        ([200, 201, 202, 205], [206, 207]),
    ]


def test_windows_begin_at_any_row_and_have_the_horizon() -> None:
    assert shown(Forecasts(rows(), 3, 2, step=1.0)) == [
        ([0, 1, 2], [3, 4]),
        ([1, 2, 3], [4, 5]),
        ([2, 3, 4], [5, 6]),
        ([100, 101, 102], [103, 104]),  # cy has a gap wherever a window would be
    ]


def test_a_stride_counts_from_the_first_row_of_each_task() -> None:
    source = Forecasts(rows(), 2, 1, step=1.0)
    starts = source.table.y[source.each(2).support_rows[:, 0], 0].tolist()
    assert starts == [0, 2, 4, 100, 102, 200]
    assert len(source) == 5 + 3 + 2  # cy: 200 and 205


def test_several_lengths_share_a_batch_and_each_is_drawn_as_often() -> None:
    source = Forecasts(rows(), (1, 3), 1)
    plan = source.plan(2000, generator_of(0))
    assert plan.support_mask.sum(1).unique().tolist() == [1, 3]
    assert float((plan.support_mask.sum(1) == 1).double().mean()) == pytest.approx(0.5, abs=0.05)
    assert plan.clusters[:, 0].unique().tolist() == [0, 1, 2]


def test_it_keeps_the_contract_of_sources() -> None:
    check_source(Forecasts(rows(), (2, 3), 2))
    check_source(Forecasts(rows(), (1, 2), starts=2))


def test_what_cannot_be_forecast_is_refused() -> None:
    plain = rows()
    with pytest.raises(TaskError, match="no task of data has 9 rows; the longest has 7. Lower history or horizon."):
        Forecasts(plain, 5, 4)
    with pytest.raises(TaskError, match="has 5 rows without a gap, 2 from row to row"):
        Forecasts(plain, 3, 2, step=2.0)
    with pytest.raises(TaskError, match="rows have no times"):
        Forecasts(Table(plain.x, plain.y, plain.tasks, plain.task_names), 3)
    with pytest.raises(TaskError, match="history=0"):
        Forecasts(plain, 0)


def test_a_digest_depends_on_targets() -> None:
    plain = Forecasts(rows(), 2, 1)
    other = rows()
    other.y[0] += 1
    moved = Forecasts(other, 2, 1)
    assert plain.digest(plain.each()) != moved.digest(moved.each())
