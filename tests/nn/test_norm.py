"""Exact norms equal stock ones, keep their names, ignore padding, and can be recorded and replayed."""

import copy
import inspect

import pytest
import torch
from torch import nn

from quickstudy.errors import ShapeError
from quickstudy.nn import norm

LAYERS = {
    "batch": (nn.BatchNorm1d(6), (5, 6)),
    "batch, positions": (nn.BatchNorm1d(6, eps=1e-3), (5, 6, 4)),
    "batch, images": (nn.BatchNorm2d(6), (5, 6, 3, 2)),
    "batch, volumes": (nn.BatchNorm3d(6), (5, 6, 3, 2, 2)),
    "batch, not affine": (nn.BatchNorm2d(6, affine=False), (5, 6, 3, 2)),
    "layer": (nn.LayerNorm(6), (5, 6)),
    "layer, two axes": (nn.LayerNorm([6, 3]), (5, 6, 3)),
    "layer, no bias": (nn.LayerNorm(6, bias=False), (5, 6)),
    "layer, not affine": (nn.LayerNorm(6, elementwise_affine=False), (5, 6)),
    "instance": (nn.InstanceNorm1d(6), (5, 6, 4)),
    "instance, images": (nn.InstanceNorm2d(6, affine=True), (5, 6, 3, 2)),
}

if "bias" in inspect.signature(nn.BatchNorm1d).parameters:  # newer PyTorch
    LAYERS["batch, no bias"] = (nn.BatchNorm1d(6, bias=False), (5, 6))


def moved(layer: nn.Module) -> nn.Module:
    layer = copy.deepcopy(layer).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(torch.randn_like(weight))
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_it_equals_the_stock_layer_in_training(name: str) -> None:
    stock, shape = moved(LAYERS[name][0]).train(), LAYERS[name][1]
    exact = norm.convert(stock)
    assert type(exact) is not type(stock)
    assert dict(exact.named_parameters()).keys() == dict(stock.named_parameters()).keys()
    x = torch.randn(shape, dtype=torch.float64) * 3 + 1
    torch.testing.assert_close(exact(x), stock(x))
    for mask in (None, torch.ones(len(x), dtype=torch.float64)):
        with norm.recording(mask) as kept:
            torch.testing.assert_close(exact(x), stock(x))
        with norm.replaying(kept):
            torch.testing.assert_close(exact(x), stock(x))


@pytest.mark.parametrize("name", [name for name in LAYERS if name.startswith("batch")])
def test_padding_counts_neither_in_mean_nor_in_variance(name: str) -> None:
    exact, shape = norm.convert(moved(LAYERS[name][0])), LAYERS[name][1]
    x = torch.randn(shape, dtype=torch.float64)
    litter = torch.cat([x[:2], 100 * torch.randn_like(x), x[2:]])
    mask = torch.tensor([1.0] * 2 + [0.0] * 5 + [1.0] * 3, dtype=torch.float64)
    with norm.recording(torch.ones(5, dtype=torch.float64)):
        expected = exact(x)
    with norm.recording(mask):
        torch.testing.assert_close(exact(litter)[mask.bool()], expected)


def test_replayed_statistics_are_the_support_sets() -> None:
    exact = norm.convert(moved(nn.BatchNorm1d(3)))
    support, query = torch.randn(9, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    with norm.recording(torch.ones(9, dtype=torch.float64)) as kept:
        exact(support)
    with norm.replaying(kept):
        together, alone = exact(query), torch.cat([exact(row[None]) for row in query])
    torch.testing.assert_close(together, alone)
    weight, bias = exact.get_parameter("weight"), exact.get_parameter("bias")
    normal = (query - support.mean(0)) / (support.var(0, unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(together, normal * weight + bias)


def test_a_layer_that_is_called_twice_keeps_two_sets_of_statistics() -> None:
    layer = nn.BatchNorm1d(3)
    network = norm.convert(nn.Sequential(layer, nn.Linear(3, 3), layer)).double()
    x = torch.randn(8, 3, dtype=torch.float64)
    with norm.recording(torch.ones(8, dtype=torch.float64)) as kept:
        expected = network(x)
    assert len(kept) == 2
    with norm.replaying(kept):
        torch.testing.assert_close(network(x), expected)


def test_convert_copies_and_keeps_names_weights_and_what_is_frozen() -> None:
    network = nn.Sequential(
        nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ModuleDict({"inner": nn.LayerNorm(3)})["inner"], nn.GroupNorm(1, 3)
    )
    network[1].weight.requires_grad_(False)
    exact = norm.convert(network)
    before, after = dict(network.named_parameters()), dict(exact.named_parameters())
    assert before.keys() == after.keys()
    assert all(after[name].equal(w) and after[name] is not w for name, w in before.items())
    assert [name for name, w in after.items() if not w.requires_grad] == ["1.weight"]
    assert isinstance(network[1], nn.BatchNorm1d) and "1.running_mean" in network.state_dict()
    assert not list(exact.buffers()) and "BatchNorm(1, eps=1e-05, affine=True)" in repr(exact)
    assert next(norm.convert(network.double()).parameters()).dtype == torch.float64


def test_a_single_row_cannot_be_normalised_by_itself() -> None:
    exact = norm.convert(nn.BatchNorm1d(3))
    with pytest.raises(ShapeError, match='norm="support"'):
        exact(torch.randn(1, 3))
    assert exact(torch.randn(1, 3, 5)).shape == (1, 3, 5)
