"""Series in units of their seasonal naive error: a mean absolute error is a MASE."""

import pytest
import torch

from quickstudy import evaluate
from quickstudy.checks import check_source
from quickstudy.datasets import Table
from quickstudy.errors import TaskError
from quickstudy.metrics import mase
from quickstudy.tasks import Forecasts, SeasonalUnits

Y = torch.tensor([10.0, 20, 30, 40, 12, 18, 33, 41, 14, 19, 36, 44])
HALF = 1000 * Y + 7


def table() -> Table:
    time = torch.arange(12.0).repeat(2)
    y = torch.cat([Y, HALF])[:, None]
    return Table(time[:, None] / 10, y, torch.arange(2).repeat_interleave(12), ("a", "b"), time=time.double())


def naive(support):  # type: ignore[no-untyped-def]
    return lambda x: support.y[-4:][: len(x)]


def test_the_error_of_the_seasonal_naive_forecast_by_hand() -> None:
    source = SeasonalUnits(Forecasts(table(), 8, 4, step=1.0), 4)
    report = evaluate(naive, source, plan=source.each(), metrics=(mase,))
    past = (2 + 2 + 3 + 1) / 4
    ahead = (2 + 1 + 3 + 3) / 4
    assert report.other("mase").scores == pytest.approx([ahead / past] * 2, rel=1e-4)


def test_a_year_alone_is_in_units_of_its_steps() -> None:
    tasks = (source := SeasonalUnits(Forecasts(table(), 4, 4, starts=1, step=1.0), 4)).gather(source.each())
    assert tasks.support.y[0, :, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert tasks.query.y[0, :, 0].tolist() == pytest.approx([1.2, 1.8, 3.3, 4.1])


def test_a_series_that_does_not_change_has_a_unit() -> None:
    still = Table(
        torch.arange(8.0)[:, None], torch.full((8, 1), 5.0), torch.zeros(8, dtype=torch.long), ("a",), time=torch.arange(8.0)
    )
    source = SeasonalUnits(Forecasts(still, 4, 4, step=1.0), 4)
    assert source.gather(source.each()).query.y.flatten().tolist() == pytest.approx([1000.0] * 4)


def test_it_keeps_the_contract_of_sources() -> None:
    check_source(SeasonalUnits(Forecasts(table(), (4, 8), 2, step=1.0), 4))


def test_rows_that_may_have_gaps_are_refused() -> None:
    with pytest.raises(TaskError, match="so that a year ago is not M rows ago"):
        SeasonalUnits(Forecasts(table(), 4), 4)
