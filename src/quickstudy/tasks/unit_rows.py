"""Rows of which several are one thing (cells of an image, windows), put into tasks of different sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.task import Examples

__all__ = ["apart", "padded"]


def padded(rows: Sequence[Tensor], columns: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of each task, their columns, and which are real; (B, rows).

    >>> padded([torch.tensor([4, 5]), torch.tensor([6])], [torch.tensor([0, 1]), torch.tensor([1])])[2].tolist()
    [[True, True], [True, False]]
    """
    mask = [torch.ones(len(each), dtype=torch.bool) for each in rows]
    found = [pad_sequence(list(part), batch_first=True) for part in (rows, columns, mask)]
    return found[0], found[1], found[2]


def apart(side: Examples) -> Examples:
    """The same with -1 as the unit of rows of padding, which belong to nothing."""
    if not isinstance(side.x, dict) or "unit" not in side.x:  # features alone
        return side
    return side.replace(side.x | {"unit": torch.where(side.mask > 0, side.x["unit"], -1)})
