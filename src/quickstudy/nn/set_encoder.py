"""Deep sets: one vector for a whole support set, whatever its size and order.

Source: Zaheer, Kottur, Ravanbakhsh, Poczos, Salakhutdinov & Smola, 2017, Deep sets.
"""

import torch
from torch import Tensor, nn

from quickstudy.functional.distances import class_means
from quickstudy.nn.norm import convert, counting
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Examples, Inputs

__all__ = ["PairEncoder", "SetEncoder"]


class SetEncoder(Recorded, nn.Module):
    """A code of a support set, ``z = ρ(mean over real rows s of φ(x_s))``; labels are not read. An empty set has ρ(0).

    It is meant for the inside of `adapt`: φ's norms become exact ones that leave padded rows out.

    Args:
        each: φ, any network from inputs to vectors (C,). A copy of it is used.
        after: ρ, any network on one row of these; nothing by default.

    Shapes:
        Examples of S rows -> (C,)

    >>> support = Examples.of(torch.tensor([[1.0], [3.0]]), torch.tensor([0, 1]))
    >>> SetEncoder(nn.Identity())(support)
    tensor([2.])
    """

    reads_labels = False
    """Whether the code depends on which column of y is which."""

    def __init__(self, each: nn.Module, after: nn.Module | None = None) -> None:
        super().__init__()
        self.each = convert(each)
        self.after = nn.Identity() if after is None else after

    def forward(self, support: Examples) -> Tensor:
        with counting(support.mask):
            codes_SC = self.each(self.seen(support)).flatten(1)
        code: Tensor = self.after(class_means(codes_SC, support.mask[:, None], support.mask))[0]
        return code

    def seen(self, support: Examples) -> Inputs:
        """What φ is given of the examples, leading axis S."""
        return support.x


class PairEncoder(SetEncoder):
    """A code of a support set with its targets: φ sees inputs (flattened) and y side by side, ``φ([x_s, y_s])``.

    For values this is the encoder of neural processes. For classes φ's width fixes the number of ways, and the code
    depends on which class stands in which column.

    >>> support = Examples.of(torch.tensor([[1.0], [3.0]]), torch.tensor([0.5, 0.7]))
    >>> PairEncoder(nn.Identity())(support)
    tensor([2.0000, 0.6000])
    """

    reads_labels = True

    def seen(self, support: Examples) -> Tensor:
        return torch.cat([support.x.flatten(1), support.y], 1)
