"""Networks of an input and a context vector: what differs between tasks is a few numbers, not other weights.

Source: Zintgraf, Shiarlis, Kurin, Hofmann & Whiteson, 2019, Fast context adaptation via meta-learning.
"""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from quickstudy.nn.film import FiLM, modulating, sites
from quickstudy.storage.blueprint import Recorded
from quickstudy.task import Inputs

__all__ = ["ContextNetwork", "FiLMContext", "InputContext"]


@runtime_checkable
class ContextNetwork(Protocol):
    """Any `nn.Module` whose forward takes inputs and a context (``context`` numbers, the same for all examples)."""

    context: int

    def __call__(self, x: Inputs, context: Tensor, /) -> Any: ...


class InputContext(Recorded, nn.Module):
    """The context joins each example: ``f([x, φ])``; inputs of any shape are flattened.

    What the first layer makes of the context is the same for all examples, so a batch norm right after it would take the
    context away: use none there, or `FiLMContext`.

    Args:
        network: takes as many more numbers as the context has.
        context: numbers in φ.

    Shapes:
        (examples, ...), (context,) -> (examples, outputs)

    >>> from quickstudy.nn.mlp import MLP
    >>> InputContext(MLP(1 + 5, outputs=1), 5)(torch.zeros(10, 1), torch.zeros(5)).shape
    torch.Size([10, 1])
    """

    def __init__(self, network: nn.Module, context: int = 5) -> None:
        super().__init__()
        self.network, self.context = network, context

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        outputs: Tensor = self.network(torch.cat([x.flatten(1), context.expand(x.shape[0], -1)], 1))
        return outputs


class FiLMContext(Recorded, nn.Module):
    """The context scales and shifts the channels of hidden layers: ``γ, β = FiLM(φ)``, see `FiLM`.

    Args:
        network: any.
        context: numbers in φ.
        channels: of each modulated layer by name; by default those of all norm layers.

    Raises:
        LearnerError: no layer to modulate.

    Shapes:
        (examples, ...), (context,) -> (examples, outputs)

    >>> from quickstudy.nn.conv4 import Conv4
    >>> network = FiLMContext(Conv4(outputs=5), 100, channels={"norms.2": 64})
    >>> network(torch.zeros(2, 1, 28, 28), torch.zeros(100)).shape
    torch.Size([2, 5])
    """

    def __init__(self, network: nn.Module, context: int = 100, *, channels: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.network, self.context = network, context
        self.film = FiLM(context, sites(network) if channels is None else channels)

    def forward(self, x: Inputs, context: Tensor) -> Tensor:
        with modulating(self.network, self.film(context)):
            outputs: Tensor = self.network(x)
        return outputs
