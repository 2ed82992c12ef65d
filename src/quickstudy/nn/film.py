"""Feature-wise linear modulation: every channel of a hidden layer is scaled and shifted, for each task in its own way.

Source: Perez, Strub, de Vries, Dumoulin & Courville, 2018, FiLM: visual reasoning with a general conditioning layer.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from quickstudy.errors import LearnerError
from quickstudy.nn import norm
from quickstudy.storage.blueprint import Recorded

__all__ = ["FiLM", "Modulations", "ScaledFiLM", "modulate", "modulating", "sites"]

Modulations = dict[str, tuple[Tensor, Tensor]]
"""Scale γ and shift β, (C,) each, of layers by name: a tree of tensors, which a state may hold."""


def modulate(x: Tensor, gamma: Tensor, beta: Tensor, axis: int = 1) -> Tensor:
    """``γ_c x_c + β_c`` for every channel c along ``axis``; shapes (examples, C, ...), (C,), (C,) -> (examples, C, ...).

    >>> import torch
    >>> modulate(torch.ones(1, 2), torch.tensor([2.0, 3.0]), torch.tensor([0.0, 1.0]))
    tensor([[2., 4.]])
    """
    shape = [1] * x.ndim
    shape[axis] = -1
    return x * gamma.view(shape) + beta.view(shape)


def sites(network: nn.Module) -> dict[str, int]:
    """Where a network is usually modulated: its norm layers by name, with their number of channels.

    >>> sites(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 3), nn.LayerNorm(3)))
    {'1': 3, '4': 3}
    """
    found = {name: _channels(module) for name, module in network.named_modules()}
    return {name: channels for name, channels in found.items() if channels is not None}


def _channels(module: nn.Module) -> int | None:
    if isinstance(module, _BatchNorm | _InstanceNorm):
        return module.num_features
    if isinstance(module, norm.BatchNorm | norm.InstanceNorm | norm.SettledNorm):
        return module.features
    if isinstance(module, nn.GroupNorm):
        return module.num_channels
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):
        return int(module.normalized_shape[-1])
    return None


@contextmanager
def modulating(network: nn.Module, modulations: Mapping[str, tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Modulates what layers of ``network`` give, inside: ``with modulating(network, modulations): network(x)``.

    Neither the network's weights nor its buffers are touched, and it may be any network: the modulations ride on hooks that
    are taken away at the end, so they may differ by task under `torch.func.vmap` and can be differentiated. Combine it with
    `quickstudy.nn.fast.call`, with `norm.recording` and `norm.replaying` as you like. A layer that is called twice is
    modulated twice. Not for one network in two threads at once.

    Args:
        network: any; stock batch norms that keep running averages must be in eval mode, or converted by
            `quickstudy.nn.norm.convert`, where vmap or second derivatives are wanted.
        modulations: γ and β by the name of a layer, after which they act; see `sites` for the usual ones. Channels are the
            second axis of what the layer gives, the last of what linear, layer-norm and RMS-norm layers give.

    Raises:
        LearnerError: the network has no such layer.

    >>> import torch
    >>> network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.LayerNorm(2))
    >>> with modulating(network, {"1": (torch.zeros(2), torch.ones(2))}):
    ...     network(torch.randn(1, 2)).detach()
    tensor([[1., 1.]])
    """
    layers = dict(network.named_modules())
    unknown = sorted(set(modulations) - set(layers))
    if unknown:
        raise LearnerError(f"{type(network).__name__} has no layer {', '.join(unknown)} to modulate. See nn.film.sites(network).")
    with ExitStack() as hooks:
        for name, (gamma, beta) in modulations.items():
            hooks.enter_context(layers[name].register_forward_hook(_hook(gamma, beta)))
        yield


def _hook(gamma: Tensor, beta: Tensor) -> Any:
    def hook(layer: nn.Module, inputs: Any, outputs: Tensor) -> Tensor:
        last = isinstance(layer, nn.Linear | nn.LayerNorm | nn.RMSNorm)
        return modulate(outputs, gamma, beta, -1 if last else 1)

    return hook


class FiLM(Recorded, nn.Module):
    """A linear map from a vector z to modulations of several layers, ``γ = 1 + W_γ z + b_γ``, ``β = W_β z + b_β``.

    It starts with b = 0, so that z = 0 leaves a network as it is.

    Args:
        inputs: numbers in z.
        channels: of each layer by name, as `sites` gives them.

    Raises:
        LearnerError: no layer to modulate.

    Shapes:
        (inputs,) -> {name: ((C,), (C,))}

    >>> import torch
    >>> FiLM(5, {"norms.2": 64})(torch.zeros(5))["norms.2"][0].shape
    torch.Size([64])
    """

    def __init__(self, inputs: int, channels: Mapping[str, int]) -> None:
        super().__init__()
        if not channels:
            raise LearnerError("there is no layer to modulate. Use a network with norm layers, or name layers and channels.")
        self.channels = dict(channels)
        self.linear = nn.Linear(inputs, 2 * sum(self.channels.values()))
        nn.init.zeros_(self.linear.bias)

    def written(self, z: Tensor) -> Tensor:
        """γ − 1 and β of all layers in one row."""
        numbers: Tensor = self.linear(z)
        return numbers

    def forward(self, z: Tensor) -> Modulations:
        parts = iter(self.written(z).split_with_sizes([size for size in self.channels.values() for _ in range(2)]))
        return {name: (1 + gamma, beta) for name, gamma, beta in zip(self.channels, parts, parts, strict=False)}

    def extra_repr(self) -> str:
        return ", ".join(f"{name}: {size}" for name, size in self.channels.items())


class ScaledFiLM(FiLM):
    """FiLM whose deviations from the identity are scaled by learned numbers r near zero, one for each γ and each β.

        ``γ = 1 + r_γ ∘ (W_γ z + b_γ)``,    ``β = r_β ∘ (W_β z + b_β)``,    ``r ~ N(0, 0.001²)`` at the start

    Meta-training begins at the network itself, whatever z is, as in the authors' code of CNAPs (Requeima et al., 2019).

    Args:
        inputs: numbers in z.
        channels: of each layer by name, as `sites` gives them.

    Shapes:
        (inputs,) -> {name: ((C,), (C,))}

    >>> import torch
    >>> gamma, beta = ScaledFiLM(5, {"norms.2": 64})(torch.ones(5))["norms.2"]
    >>> bool((gamma - 1).abs().max() < 0.02), bool(beta.abs().max() < 0.02)
    (True, True)
    """

    def __init__(self, inputs: int, channels: Mapping[str, int]) -> None:
        super().__init__(inputs, channels)
        self.scale = nn.Parameter(nn.init.normal_(self.linear.bias.new_empty(self.linear.out_features), std=1e-3))

    def written(self, z: Tensor) -> Tensor:
        return self.scale * super().written(z)
