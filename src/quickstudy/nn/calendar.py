"""The number of a step in a regular series, of a year and a month or quarter that a table has."""

from torch import Tensor, nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["Calendar"]


class Calendar(Recorded, nn.Module):
    """``p · year + season − 1`` of rows that `inputs.Columns` scaled: two columns, the year and the season from 1 to p.

    Args:
        period: p, 12 for months and 4 for quarters.
        year: mean and deviation by which the column of years was scaled.
        season: mean and deviation by which the column of seasons was scaled.

    Shapes:
        (rows, 2) -> (rows, 1)

    >>> import torch
    >>> Calendar(12, year=(2000.0, 10.0), season=(0.0, 1.0))(torch.tensor([[1.8, 12.0]]))  # December 2018
    tensor([[24227.]])
    """

    def __init__(self, period: int, *, year: tuple[float, float], season: tuple[float, float]) -> None:
        super().__init__()
        self.period, self.year, self.season = period, year, season

    def forward(self, x: Tensor) -> Tensor:
        year, season = (x[:, k : k + 1] * scale[1] + scale[0] for k, scale in enumerate((self.year, self.season)))
        steps: Tensor = self.period * year.round() + season.round() - 1
        return steps
