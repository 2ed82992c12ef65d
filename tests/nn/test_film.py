"""Modulations act after the layers that were named, differ by task under vmap, are exact, and leave the network as it was."""

import copy

import pytest
import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import unstack
from quickstudy.nn import MLP, Conv4, FiLM, film, norm
from quickstudy.nn.fast import call


def moved(network: nn.Module) -> nn.Module:
    """In double precision, with norms that do something."""
    network = copy.deepcopy(network).double().eval()
    with torch.no_grad():
        for tensor in [*network.parameters(), *(b for b in network.buffers() if b.is_floating_point())]:
            tensor.add_(0.3 * torch.rand_like(tensor))
    return network


def drawn(network: nn.Module, tasks: int) -> film.Modulations:
    """Modulations (tasks, C) of all norm layers."""
    sizes = film.sites(network).items()
    return {n: (1 + torch.randn(tasks, c).double() / 2, torch.randn(tasks, c).double()) for n, c in sizes}


def encoder() -> Conv4:
    return Conv4(hidden=4, size=16)


LAYERS = {
    "batch": (nn.BatchNorm2d(6), (5, 6, 3, 2)),
    "batch, rows": (nn.BatchNorm1d(6), (5, 6)),
    "instance": (nn.InstanceNorm2d(6), (5, 6, 3, 2)),
    "group": (nn.GroupNorm(2, 6), (5, 6, 3, 2)),
    "layer": (nn.LayerNorm(6), (5, 4, 6)),
    "root mean square": (nn.RMSNorm(6), (5, 4, 6)),
}


@pytest.mark.parametrize("converted", [False, True], ids=["stock", "ours"])
@pytest.mark.parametrize("name", LAYERS)
def test_sites_know_the_channels_of_norm_layers(name: str, converted: bool) -> None:
    layer, shape = LAYERS[name]
    network = nn.Sequential(nn.Identity(), norm.convert(layer) if converted else copy.deepcopy(layer)).eval()
    assert film.sites(network) == {"1": 6}
    x, gamma, beta = torch.randn(shape), torch.randn(6), torch.randn(6)
    plain = network(x)
    with film.modulating(network, {"1": (gamma, beta)}):
        found = network(x)
    view = (6,) if shape[-1] == 6 else (6, *[1] * (len(shape) - 2))
    torch.testing.assert_close(found, plain * gamma.view(view) + beta.view(view))


def test_any_layer_can_be_modulated_by_name() -> None:
    network = MLP(3, (4, 4), outputs=2)
    x, gamma, beta = torch.randn(5, 3), torch.randn(4), torch.randn(4)
    with film.modulating(network, {"layers.0": (gamma, beta)}):
        found = network(x)
    first, rest = network.layers[0], network.layers[1:]
    torch.testing.assert_close(found, network.head(rest(first(x) * gamma + beta)))


@pytest.mark.parametrize("make", [lambda: moved(encoder()), lambda: norm.convert(moved(encoder()))], ids=["stock", "ours"])
def test_an_encoder_under_vmap_is_modulated_for_each_task_and_stays_as_it_was(make: object) -> None:
    assert callable(make)
    network: nn.Module = make()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x, modulations = torch.randn(3, 5, 1, 16, 16).double(), drawn(network, 3)

    def features(x: Tensor, modulations: film.Modulations) -> Tensor:
        with norm.recording(torch.ones(5).double()), film.modulating(network, modulations):
            outputs: Tensor = network(x)
        return outputs

    mapped = torch.func.vmap(features)(x, modulations)
    looped = [features(x[n], each) for n, each in enumerate(unstack(modulations))]
    torch.testing.assert_close(mapped, torch.stack(looped))
    assert not torch.allclose(looped[0], features(x[0], unstack(modulations)[1]))
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_modulating_an_affine_norm_is_another_affine_norm() -> None:
    """``γ (w n + b) + β`` is the norm whose weight is γ w and whose bias is γ b + β."""
    network = moved(encoder())
    x, modulations = torch.randn(5, 1, 16, 16).double(), unstack(drawn(network, 1))[0]
    with film.modulating(network, modulations):
        found = network(x)
    weights: dict[str, Tensor] = dict(network.named_parameters())
    for name, (gamma, beta) in modulations.items():
        weights |= {
            f"{name}.weight": gamma * weights[f"{name}.weight"],
            f"{name}.bias": gamma * weights[f"{name}.bias"] + beta,
        }
    torch.testing.assert_close(found, call(network, weights, x))


def test_first_and_second_derivatives_by_modulations_are_exact() -> None:
    network = norm.convert(moved(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))))
    x = torch.randn(5, 3).double()

    def outputs(gamma: Tensor, beta: Tensor) -> Tensor:
        with norm.recording(), film.modulating(network, {"1": (gamma, beta)}):
            found: Tensor = network(x)
        return found

    point = tuple(torch.randn(4).double().requires_grad_() for _ in range(2))
    assert torch.autograd.gradcheck(outputs, point) and torch.autograd.gradgradcheck(outputs, point)


def test_a_layer_called_twice_is_modulated_twice() -> None:
    layer = nn.LayerNorm(4)
    x, gamma, beta = torch.randn(2, 4), torch.rand(4), torch.rand(4)
    with film.modulating(nn.Sequential(layer, layer), {"0": (gamma, beta)}):
        found = nn.Sequential(layer, layer)(x)
    torch.testing.assert_close(found, layer(layer(x) * gamma + beta) * gamma + beta)


def test_unknown_layers_are_named_and_errors_leave_no_hooks() -> None:
    network = encoder()
    with pytest.raises(LearnerError, match=r"no layer norms\.9"), film.modulating(network, {"norms.9": (torch.ones(1),) * 2}):
        pass
    with pytest.raises(RuntimeError), film.modulating(network, {"norms.0": (torch.ones(3), torch.ones(3))}):
        network(torch.zeros(2, 1, 16, 16))
    assert not any(module._forward_hooks for module in network.modules())
    with pytest.raises(LearnerError, match="no layer to modulate"):
        FiLM(3, film.sites(MLP(3, (4,))))


def test_the_generator_starts_at_the_identity() -> None:
    network, generator = encoder(), FiLM(3, film.sites(encoder()))
    x = torch.randn(2, 1, 16, 16)
    with film.modulating(network.eval(), generator(torch.zeros(3))):
        found = network(x)
    torch.testing.assert_close(found, network(x))
    first, second = (generator(z) for z in torch.randn(2, 3))
    assert list(first) == ["norms.0", "norms.1", "norms.2", "norms.3"]
    assert all(not a.equal(b) for name in first for a, b in zip(first[name], second[name], strict=True))
