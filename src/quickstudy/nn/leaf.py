"""One of the named tensors that inputs consist of."""

from collections.abc import Mapping

from torch import Tensor, nn

from quickstudy.errors import ShapeError
from quickstudy.storage.blueprint import Recorded

__all__ = ["Leaf"]


class Leaf(Recorded, nn.Module):
    """``x -> x[name]``, so that a network of plain tensors reads inputs that have more beside them.

    Args:
        name: of the tensor.

    Raises:
        ShapeError: in a call, inputs without it.

    Shapes:
        record with (rows, …) under the name -> (rows, …)

    >>> import torch
    >>> Leaf("features")({"features": torch.ones(2, 3), "unit": torch.arange(2)}).shape
    torch.Size([2, 3])
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Mapping[str, Tensor]) -> Tensor:
        if not isinstance(x, Mapping) or self.name not in x:
            what = f"a record of {', '.join(map(str, x))}" if isinstance(x, Mapping) else f"a {type(x).__name__}"
            raise ShapeError(f"inputs are {what}, but this network reads the tensor {self.name!r} of a record.")
        return x[self.name]

    def extra_repr(self) -> str:
        return self.name
