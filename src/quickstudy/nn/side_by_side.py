"""Several networks on the same rows: their features side by side, by name; and a network of some of a row's columns."""

from collections.abc import Mapping

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["ColumnRange", "SideBySide"]


class SideBySide(Recorded, nn.Module):
    """Features of several networks, ``{name: network(x)}``: for kernels that are each of features of their own.

    Args:
        parts: networks by name.

    Raises:
        LearnerError: no networks.

    Shapes:
        inputs (R, …) -> a dictionary of features (R, D)

    >>> import torch
    >>> found = SideBySide({"all": nn.Identity(), "two": ColumnRange(0, 2)})(torch.ones(3, 5))
    >>> {name: features.shape for name, features in found.items()}
    {'all': torch.Size([3, 5]), 'two': torch.Size([3, 2])}
    """

    def __init__(self, parts: Mapping[str, nn.Module]) -> None:
        super().__init__()
        if not parts:
            raise LearnerError("features side by side need one network or more, by name.")
        self.parts = nn.ModuleDict(dict(parts))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: self.parts[name](x) for name in sorted(self.parts)}  # files know no order of names


class ColumnRange(Recorded, nn.Module):
    """Some neighbouring columns of a row, ``x[:, start:stop]``.

    Args:
        start: the first.
        stop: the one after the last.

    Raises:
        LearnerError: there are none between them.

    >>> import torch
    >>> ColumnRange(1, 3)(torch.tensor([[0.0, 1.0, 2.0, 3.0]]))
    tensor([[1., 2.]])
    """

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        if not 0 <= start < stop:
            raise LearnerError(f"start={start} and stop={stop} hold no columns. Give 0 <= start < stop.")
        self.start, self.stop, self.features = start, stop, stop - start

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]
