"""A backbone for examples that are sets of vectors (points, events, measurements), whatever their number and order.

Source: Zaheer, Kottur, Ravanbakhsh, Poczos, Salakhutdinov & Smola, 2017, Deep sets.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from quickstudy.nn.mlp import MLP
from quickstudy.storage.blueprint import Recorded

__all__ = ["ItemSet"]


class ItemSet(Recorded, nn.Module):
    """Each example is a set: ``ρ(mean over real items of φ(item))``, where φ and ρ are multi-layer perceptrons.

    Unlike `SetEncoder`, which reads a whole support set, it makes features of each example by itself.

    Args:
        inputs: numbers in an item.
        hidden: widths of φ; ρ has one layer of the last of them.

    Shapes:
        (examples, items, inputs), or {"items", "mask"} with a mask (examples, items) -> (examples, features)

    >>> network = ItemSet(2, (8,))
    >>> x = torch.randn(3, 5, 2)
    >>> bool(torch.allclose(network(x), network(x.flip(1)), atol=1e-6))
    True
    """

    def __init__(self, inputs: int, hidden: Sequence[int] = (64, 64)) -> None:
        super().__init__()
        self.each = MLP(inputs, hidden)
        self.features = self.each.features
        self.after = MLP(self.features, (self.features,))

    def forward(self, x: Tensor | Mapping[str, Tensor]) -> Tensor:
        items_RTI, mask_RT = (x, torch.ones_like(x[..., 0])) if isinstance(x, Tensor) else (x["items"], x["mask"])
        codes_RTD = self.each(items_RTI.flatten(0, 1)).unflatten(0, items_RTI.shape[:2])
        weight_RT1 = mask_RT[..., None].to(codes_RTD.dtype)
        features: Tensor = self.after((codes_RTD * weight_RT1).sum(1) / weight_RT1.sum(1).clamp(min=1))
        return features
