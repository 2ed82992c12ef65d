"""Parts of a network that inner loops leave alone: meta-learned, but the same for all tasks.

Source of the idea: Flennerhag, Rusu, Pascanu, Visin, Yin & Hadsell, 2020, Meta-learning with warped gradient descent.
"""

from typing import Any

from torch import nn

from quickstudy.storage.blueprint import Recorded

__all__ = ["Shared"]


class Shared(Recorded, nn.Module):
    """A module whose weights no inner loop adapts; the outer loop trains them through the adapted loss.

    Args:
        module: any part of a network.

    >>> from quickstudy.nn.fast import weights_of
    >>> list(weights_of(nn.Sequential(Shared(nn.Linear(2, 2)), nn.Linear(2, 1))))
    ['1.weight', '1.bias']
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any) -> Any:
        return self.module(*inputs)
