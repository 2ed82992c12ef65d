"""A network at other weights: what `torch.func.functional_call` gives, whatever the network looks like inside."""

import pytest
import torch
from torch import Tensor, nn

from quickstudy.nn.fast import call, weights_of


class Tied(nn.Module):
    """One weight that stands in two modules, one module in two places, and one weight that does not adapt."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode, self.between = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.decode.weight = self.encode.weight
        self.again = self.between
        self.between.bias.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.again(self.between(self.encode(x))))


def changed(network: nn.Module) -> dict[str, Tensor]:
    return {name: 2 * weight.detach() + 1 for name, weight in weights_of(network).items()}


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)),
        nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)),
        nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval(),
    ],
    ids=["plain", "parametrised", "with buffers"],
)
def test_it_is_functional_call(network: nn.Module) -> None:
    x, weights = torch.randn(5, 3), changed(network)
    torch.testing.assert_close(call(network, weights, x), torch.func.functional_call(network, weights, (x,)))


def test_weights_in_several_places_change_everywhere() -> None:
    network, x = Tied(), torch.randn(5, 3)
    weights = changed(network)
    assert set(weights) == {"encode.weight", "encode.bias", "decode.bias", "between.weight"}
    other = Tied()
    other.load_state_dict(network.state_dict() | weights | {"decode.weight": weights["encode.weight"]}, strict=False)
    other.again.weight.data = other.between.weight.data = weights["between.weight"]
    torch.testing.assert_close(call(network, weights, x), other(x))


def test_its_own_weights_come_back_even_after_an_error() -> None:
    network = Tied()
    own = [id(weight) for weight in network.parameters()]
    for x in (torch.randn(5, 3), torch.randn(5, 4)):
        try:
            call(network, changed(network), x)
        except RuntimeError as error:
            assert "shapes cannot be multiplied" in str(error)
    assert [id(weight) for weight in network.parameters()] == own
    assert network.decode.weight is network.encode.weight
