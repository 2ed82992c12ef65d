"""PyTorch's own layers that a blueprint can write: the constructor's arguments are read from a layer's attributes."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

__all__ = ["STOCK", "is_like", "stock_arguments"]

_CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode")
_AVERAGE = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
_LARGEST = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")
_RUNNING = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_RECURRENT = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")

_ATTRIBUTES: Mapping[type[nn.Module], tuple[str, ...]] = {
    nn.Linear: ("in_features", "out_features", "bias"),
    nn.Conv1d: _CONVOLUTION,
    nn.Conv2d: _CONVOLUTION,
    nn.Conv3d: _CONVOLUTION,
    nn.MaxPool1d: _LARGEST,
    nn.MaxPool2d: _LARGEST,
    nn.AvgPool1d: _AVERAGE,
    nn.AvgPool2d: (*_AVERAGE, "divisor_override"),
    nn.AdaptiveAvgPool1d: ("output_size",),
    nn.AdaptiveAvgPool2d: ("output_size",),
    nn.AdaptiveMaxPool2d: ("output_size", "return_indices"),
    nn.BatchNorm1d: _RUNNING,
    nn.BatchNorm2d: _RUNNING,
    nn.InstanceNorm1d: _RUNNING,
    nn.InstanceNorm2d: _RUNNING,
    nn.GroupNorm: ("num_groups", "num_channels", "eps", "affine"),
    nn.LayerNorm: ("normalized_shape", "eps", "elementwise_affine", "bias"),
    nn.LSTM: (*_RECURRENT, "proj_size"),
    nn.GRU: _RECURRENT,
    nn.Embedding: ("num_embeddings", "embedding_dim", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"),
    nn.Dropout: ("p", "inplace"),
    nn.Dropout2d: ("p", "inplace"),
    nn.Flatten: ("start_dim", "end_dim"),
    nn.Unflatten: ("dim", "unflattened_size"),
    nn.Identity: (),
    nn.ELU: ("alpha", "inplace"),
    nn.GELU: ("approximate",),
    nn.LeakyReLU: ("negative_slope", "inplace"),
    nn.LogSoftmax: ("dim",),
    nn.Mish: ("inplace",),
    nn.PReLU: ("num_parameters",),
    nn.ReLU: ("inplace",),
    nn.ReLU6: ("inplace",),
    nn.SELU: ("inplace",),
    nn.Sigmoid: (),
    nn.SiLU: ("inplace",),
    nn.Softmax: ("dim",),
    nn.Softplus: ("beta", "threshold"),
    nn.Tanh: (),
}

STOCK: Mapping[str, type[nn.Module]] = {kind.__name__: kind for kind in _ATTRIBUTES}
"""Layers by name."""


def stock_arguments(layer: nn.Module) -> dict[str, Any] | None:
    """The arguments that make a layer like this one; None where it is no plain layer of PyTorch's.

    A layer with hooks, attributes or a ``forward`` of its own, or with parametrised weights, is more than its arguments say.

    >>> stock_arguments(nn.Dropout(0.2)), stock_arguments(nn.Linear(3, 2, bias=False))
    ({'p': 0.2, 'inplace': False}, {'in_features': 3, 'out_features': 2, 'bias': False})
    """
    names = _ATTRIBUTES.get(type(layer))
    if names is None:
        return None
    given = {name: getattr(layer, name) for name in names}
    if "bias" in given and not isinstance(given["bias"], bool):
        given["bias"] = given["bias"] is not None
    with torch.device("meta"):
        again = type(layer)(**given)
    return given if is_like(layer, again) else None


def is_like(module: nn.Module, fresh: nn.Module) -> bool:
    """Whether a module has no attributes that a fresh one has not, and no hooks."""
    held = vars(module)
    return held.keys() <= vars(fresh).keys() and not any(
        value for name, value in held.items() if name.endswith("_hooks") and isinstance(value, Mapping)
    )
