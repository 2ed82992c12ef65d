"""Series in units of what the seasonal naive forecast errs by, so that a mean absolute error is a MASE."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Likelihood
from quickstudy.task import Examples, Task
from quickstudy.tasks.forecasts import Forecasts
from quickstudy.tasks.row_plan import TaskPlan
from quickstudy.tasks.source import Encoder, TaskSource

__all__ = ["SeasonalUnits"]

_LEAST = 1e-3


class SeasonalUnits(TaskSource[TaskPlan]):
    """The tasks of `Forecasts` with values in units of the support set's own seasonal naive error.

        ``y / q``,    ``q = mean_t |y_t − y_{t−M}|`` over the support set, or ``mean_t |y_t − y_{t−1}|`` if it is one year or less

    The mean absolute error of a task is then its mean absolute scaled error (MASE): below 1 is better than the seasonal naive
    forecast was in the past. So series of any size weigh alike in a mean. A unit is at least a thousandth of the mean value.

    Source: Hyndman & Koehler, 2006, Another look at measures of forecast accuracy.

    Args:
        source: of regular series, ``Forecasts(…, step=…)``.
        period: M, steps in a year.

    Raises:
        TaskError: a source whose rows may have gaps.
    """

    def __init__(self, source: Forecasts, period: int) -> None:
        whole(TaskError, period=period)
        if source.step is None:
            raise TaskError(f"{source.name} may have gaps, so that a year ago is not M rows ago. Give Forecasts(…, step=…).")
        self.source, self.period = source, period
        self.name = f"{source.name}, in seasonal naive errors"

    @property
    def likelihood(self) -> Likelihood:
        return self.source.likelihood

    @property
    def reads(self) -> InputKind | None:
        return self.source.reads

    def plan(self, batch: int, generator: torch.Generator | None = None) -> TaskPlan:
        return self.source.plan(batch, generator)

    def each(self, stride: int = 1) -> TaskPlan:
        """Every window, or one in ``stride`` of each task's."""
        return self.source.each(stride)

    def gather(self, plan: TaskPlan) -> Task:
        return self._scaled(self.source.gather(plan))

    def encoded(self, plan: TaskPlan, encoder: Encoder) -> Task:
        return self._scaled(self.source.encoded(plan, encoder))

    def rows(self, plan: TaskPlan) -> Sequence[tuple[object, Tensor]]:  # type: ignore[override]
        return self.source.rows(plan)

    def digest(self, plan: TaskPlan) -> str:
        return f"seasonal-{self.source.digest(plan)}"

    def _scaled(self, tasks: Task) -> Task:
        y, mask = tasks.support.y[..., 0], tasks.support.mask
        year = _change(y, mask, self.period)
        unit = torch.where(year.isnan(), _change(y, mask, 1), year)
        size = (y.abs() * mask).sum(1) / mask.sum(1).clamp(min=1)
        unit = torch.maximum(unit.nan_to_num(0.0), _LEAST * size)
        unit = torch.where(unit > 0, unit, 1.0)[:, None, None]
        return Task(*[Examples(side.x, side.y / unit, side.mask) for side in (tasks.support, tasks.query)])


def _change(y: Tensor, mask: Tensor, lag: int) -> Tensor:
    """The mean absolute change over ``lag`` rows, (B,); NaN where there are no such rows."""
    both = mask[:, lag:] * mask[:, :-lag]
    return ((y[:, lag:] - y[:, :-lag]).abs() * both).sum(1) / both.sum(1)
