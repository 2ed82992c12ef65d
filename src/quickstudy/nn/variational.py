"""Layers that measure the information they pass on: random activations or weights, with their divergence from N(0, I).

Source: Yin, Tucker, Zhou, Levine & Finn, 2020, Meta-learning without memorization; after Alemi, Fischer, Dillon & Murphy, 2017,
Deep variational information bottleneck, and Blundell, Cornebise, Kavukcuoglu & Wierstra, 2015, Weight uncertainty in neural
networks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.divergence import from_standard_normal
from quickstudy.storage.blueprint import Recorded

__all__ = ["GaussianCode", "GaussianWeights", "measuring", "weight_information"]

_measured: ContextVar[list[Tensor] | None] = ContextVar("measured", default=None)


@contextmanager
def measuring() -> Iterator[list[Tensor]]:
    """Gathers the divergences of every row, (R,), from each `GaussianCode` called inside, in nats."""
    found: list[Tensor] = []
    token = _measured.set(found)
    try:
        yield found
    finally:
        _measured.reset(token)


class GaussianCode(Recorded, nn.Module):
    """Features as a random code, ``z ~ N(μ(h), σ(h)²)``, that costs ``KL(N(μ, σ²) ‖ N(0, I))`` nats for each row.

    In eval mode the code is its mean.

    Args:
        inputs: numbers in a row of h.
        codes: numbers in a code.

    >>> layer = GaussianCode(4, 2)
    >>> with measuring() as nats:
    ...     layer(torch.randn(3, 4)).shape, nats[0].shape
    (torch.Size([3, 2]), torch.Size([3]))
    """

    def __init__(self, inputs: int, codes: int) -> None:
        super().__init__()
        self.mean, self.spread = nn.Linear(inputs, codes), nn.Linear(inputs, codes)

    def forward(self, h: Tensor) -> Tensor:
        h = h.flatten(1)
        mean, spread = self.mean(h), nn.functional.softplus(self.spread(h)) + 1e-6
        measured = _measured.get()
        if measured is not None:
            measured.append(from_standard_normal(mean, spread).sum(1))
        code: Tensor = mean + spread * torch.randn_like(mean) if self.training else mean
        return code


class GaussianWeights(Recorded, nn.Module):
    """A layer whose weights are random, ``w ~ N(μ, σ²)``, drawn anew for every call in training mode; its mean in eval mode.

    μ are the layer's own weights, σ is learned for each of them. `weight_information` adds up what they cost.

    Args:
        layer: any layer or network without buffers that change.
        log_spread: log σ at the start.

    Raises:
        LearnerError: the layer has no weights.

    >>> layer = GaussianWeights(nn.Linear(3, 2))
    >>> x = torch.ones(1, 3)
    >>> bool((layer(x) != layer(x)).all()), torch.equal(layer.eval()(x), layer.layer(x))
    (True, True)
    """

    def __init__(self, layer: nn.Module, *, log_spread: float = -4.0) -> None:
        super().__init__()
        names = [name for name, _ in layer.named_parameters()]
        if not names:
            raise LearnerError(f"a {type(layer).__name__} has no weights that could be random. Wrap a layer that has some.")
        self.layer, self.names, self.start = layer, tuple(names), log_spread
        self.log_spread = nn.ParameterList(torch.full_like(w, log_spread) for w in layer.parameters())

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            plain: Tensor = self.layer(x)
            return plain
        pairs = zip(self.names, self.layer.parameters(), self.log_spread, strict=True)
        drawn = {name: mean + spread.exp() * torch.randn_like(mean) for name, mean, spread in pairs}
        outputs: Tensor = torch.func.functional_call(self.layer, drawn, (x,))
        return outputs

    def information(self) -> Tensor:
        """``Σ_w KL(N(μ_w, σ_w²) ‖ N(0, 1))``, a scalar."""
        pairs = zip(self.layer.parameters(), self.log_spread, strict=True)
        return torch.stack([from_standard_normal(mean, spread.exp()).sum() for mean, spread in pairs]).sum()

    def extra_repr(self) -> str:
        return f"log_spread={self.start} at the start"


def weight_information(network: nn.Module) -> Tensor | None:
    """The divergence of all random weights in a network, a scalar in nats; None where there are none."""
    found = [part.information() for part in network.modules() if isinstance(part, GaussianWeights)]
    return torch.stack(found).sum() if found else None
