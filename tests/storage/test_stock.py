"""PyTorch's usual layers are written as their constructor's arguments and made again from them."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy.storage.blueprint import blueprint, build
from quickstudy.storage.stock import STOCK, stock_arguments

IMAGES, ROWS = (2, 4, 6, 6), (2, 4)
LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "AdaptiveAvgPool1d": (nn.AdaptiveAvgPool1d(3), (2, 4, 6)),
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d((None, 2)), IMAGES),
    "AdaptiveMaxPool2d": (nn.AdaptiveMaxPool2d(2), IMAGES),
    "AvgPool1d": (nn.AvgPool1d(2, 1, padding=1, count_include_pad=False), (2, 4, 6)),
    "AvgPool2d": (nn.AvgPool2d(3, 2, 1, ceil_mode=True, divisor_override=5), IMAGES),
    "BatchNorm1d": (nn.BatchNorm1d(4, eps=0.3, momentum=None), ROWS),
    "BatchNorm2d": (nn.BatchNorm2d(4, affine=False, track_running_stats=False), IMAGES),
    "Conv1d": (nn.Conv1d(4, 3, 3, padding="same", bias=False), (2, 4, 6)),
    "Conv2d": (nn.Conv2d(4, 6, (3, 2), 2, padding=(1, 0), groups=2, padding_mode="circular"), IMAGES),
    "Conv3d": (nn.Conv3d(4, 3, 2, dilation=2), (2, 4, 4, 4, 4)),
    "Dropout": (nn.Dropout(0.25), ROWS),
    "Dropout2d": (nn.Dropout2d(0.25), IMAGES),
    "ELU": (nn.ELU(0.3), ROWS),
    "Embedding": (nn.Embedding(9, 3, padding_idx=1), ()),
    "Flatten": (nn.Flatten(2), IMAGES),
    "GELU": (nn.GELU("tanh"), ROWS),
    "GRU": (nn.GRU(4, 3, 2, bias=False, batch_first=True, bidirectional=True), (2, 5, 4)),
    "GroupNorm": (nn.GroupNorm(2, 4, affine=False), IMAGES),
    "Identity": (nn.Identity(), ROWS),
    "InstanceNorm1d": (nn.InstanceNorm1d(4, affine=True), (2, 4, 6)),
    "InstanceNorm2d": (nn.InstanceNorm2d(4, eps=0.2, track_running_stats=True), IMAGES),
    "LSTM": (nn.LSTM(4, 5, bias=True, proj_size=2), (3, 2, 4)),
    "LayerNorm": (nn.LayerNorm((6, 6), elementwise_affine=True, bias=False), IMAGES),
    "LeakyReLU": (nn.LeakyReLU(0.3), ROWS),
    "Linear": (nn.Linear(4, 3, bias=False), ROWS),
    "LogSoftmax": (nn.LogSoftmax(1), ROWS),
    "MaxPool1d": (nn.MaxPool1d(2, dilation=2), (2, 4, 6)),
    "MaxPool2d": (nn.MaxPool2d(3, 2, 1, ceil_mode=True), IMAGES),
    "Mish": (nn.Mish(), ROWS),
    "PReLU": (nn.PReLU(4), ROWS),
    "ReLU": (nn.ReLU(inplace=True), ROWS),
    "ReLU6": (nn.ReLU6(), ROWS),
    "SELU": (nn.SELU(), ROWS),
    "SiLU": (nn.SiLU(), ROWS),
    "Sigmoid": (nn.Sigmoid(), ROWS),
    "Softmax": (nn.Softmax(0), ROWS),
    "Softplus": (nn.Softplus(2.0, 3.0), ROWS),
    "Tanh": (nn.Tanh(), ROWS),
    "Unflatten": (nn.Unflatten(1, (2, 2)), ROWS),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", STOCK)
def test_a_layer_made_again_computes_the_same(name: str) -> None:
    layer, shape = LAYERS[name]
    x = torch.randn(shape) if shape else torch.tensor([[1, 8], [0, 2]])
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    again = build(json.loads(json.dumps(blueprint(layer))), {})
    assert type(again) is type(layer) and repr(again) == repr(layer)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(_first(again.eval()(x.clone())), _first(layer.eval()(x.clone())))
    drawn = torch.get_rng_state()
    assert stock_arguments(again) == stock_arguments(layer) is not None and torch.equal(torch.get_rng_state(), drawn)


def _first(found: Any) -> Tensor:
    first: Tensor = found[0] if isinstance(found, tuple) else found
    return first


def test_a_layer_that_does_more_than_its_arguments_say_is_none_of_the_stock() -> None:
    class Own(nn.Linear):
        """A layer of the user's own."""

    hooked, changed, weighted = nn.Linear(4, 3), nn.Tanh(), nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    hooked.register_forward_hook(lambda module, given, found: found + 1)
    changed.forward = torch.sigmoid  # type: ignore[method-assign]
    stating = nn.Conv2d(4, 3, 1)
    stating.features = 3  # type: ignore[assignment]
    for layer in (Own(4, 3), hooked, changed, weighted, stating):
        assert stock_arguments(layer) is None and blueprint(layer) == {"opaque": type(layer).__name__}
    chain = nn.Sequential(nn.Tanh())
    chain.register_forward_pre_hook(lambda module, given: None)
    assert blueprint(chain) == {"opaque": "Sequential"}
