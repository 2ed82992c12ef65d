"""Batch norm in the channels-last layout is the stock layer, exact in float32: values, gradients, second gradients, averages."""

import copy

import pytest
import torch
from torch import Tensor, nn

from quickstudy.nn import norm
from quickstudy.nn.conv4 import Conv4
from quickstudy.nn.exact_norm import ExactBatchNorm2d, moments


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(shape, generator=generator) * 2 + 1).contiguous(memory_format=torch.channels_last)


def moved(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(torch.rand_like(weight))
    return layer


def slopes(layer: nn.Module, x: Tensor, order: int) -> list[Tensor]:
    x = x.detach().requires_grad_()
    y = layer(x)
    found = [y, *torch.autograd.grad((y**3).sum() / y.numel(), [x, *layer.parameters()], create_graph=order == 2)]
    if order == 2:
        found += torch.autograd.grad(sum(g.pow(2).sum() for g in found[1:]), [x, *layer.parameters()], allow_unused=True)
    return [f.detach() for f in found if f is not None]


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("shape", [(40, 5, 8, 6), (3, 5, 40, 40)])
def test_gradients_are_those_of_double_precision(shape: tuple[int, ...], order: int) -> None:
    layer = moved(ExactBatchNorm2d(5))
    stock = nn.BatchNorm2d(5).double()
    stock.load_state_dict(layer.state_dict())
    x = images(*shape)
    for found, wanted in zip(slopes(layer, x, order), slopes(stock, x.double(), order), strict=True):
        assert float((found - wanted).norm()) <= 3e-6 * float(wanted.norm())


def test_running_averages_are_those_of_the_stock_layer() -> None:
    layer, stock = ExactBatchNorm2d(5), nn.BatchNorm2d(5)
    for seed in range(3):
        x = images(7, 5, 4, 4) + seed
        layer(x.contiguous(memory_format=torch.channels_last)), stock(x.contiguous())
    torch.testing.assert_close(layer.state_dict(), stock.state_dict())
    torch.testing.assert_close(layer.eval()(x), stock.eval()(x))


def test_moments_of_many_images_do_not_drift() -> None:
    x = images(300, 2, 28, 28)
    stock = torch.batch_norm_update_stats(x, None, None, 0.0)[0]
    wanted = x.double().mean((0, 2, 3))
    ours = moments(x)
    assert float((ours[0] - wanted).abs().max()) < float((stock - wanted).abs().max()) / 3
    torch.testing.assert_close(ours[1], x.double().var((0, 2, 3), correction=0), rtol=1e-6, atol=0)


def test_a_network_gives_the_same_in_both_layouts() -> None:
    network = Conv4(outputs=3, size=16)
    written = copy.deepcopy(network)
    written.norms = nn.ModuleList(copy.deepcopy(layer) for layer in network.norms)
    for layer in written.norms:
        layer.__class__ = nn.BatchNorm2d
    x = images(6, 1, 16, 16)
    torch.testing.assert_close(network(x), written(x.contiguous()), rtol=1e-5, atol=1e-5)


def test_only_real_rows_count() -> None:
    layer = norm.convert(moved(nn.BatchNorm2d(5)))
    x, mask = images(6, 5, 4, 4), torch.tensor([1.0, 1, 1, 1, 0, 0])
    alone = layer(x[:4])
    with norm.counting(mask):
        assert torch.allclose(layer(x)[:4], alone, atol=1e-5)
    with norm.counting(mask[:4]):
        assert torch.allclose(layer(x[:4]), alone)
