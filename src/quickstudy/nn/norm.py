"""Normalisation that is exact under meta-gradients, with a declared source of statistics.

Stock affine batch, layer and instance norms give silently wrong second derivatives under `torch.func.vmap`. `convert` puts
the layers of this file in their place, with the same parameter names. Inside a task, batch norm has no running averages:

* while a network adapts, it uses the statistics of the rows it is given (the support set), `counting` the real ones;
* `recording` keeps those statistics, so that they can become part of a task's state;
* `replaying` uses kept statistics, so that a query's prediction does not depend on its neighbours.

PyTorch's fused weight norm has a wrong second derivative even in a plain loop; `convert` replaces it, too.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.utils.parametrizations import _WeightNorm
from torch.nn.utils.weight_norm import WeightNorm as _OldWeightNorm

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional.unroll import is_exporting, is_mapped
from quickstudy.nn.exact_norm import batch_norm
from quickstudy.nn.exchange import exchanged, frozen_parts

__all__ = [
    "BatchNorm",
    "InstanceNorm",
    "LayerNorm",
    "SettledNorm",
    "Statistics",
    "WeightNorm",
    "convert",
    "counting",
    "recording",
    "replaying",
]

Statistics = dict[str, tuple[Tensor, Tensor]]
"""Mean and variance, (C,) each, of every call of a batch-norm layer, by the layer's name (and the call, after the first)."""


@dataclass
class _Session:
    kept: Statistics = field(default_factory=dict)
    replay: bool = False
    keep: bool = True
    mask: Tensor | None = None
    calls: dict[str, int] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """A layer that a network calls twice keeps two sets of statistics."""
        call = self.calls.get(name, 0)
        if self.replay and call and f"{name}#{call}" not in self.kept:  # another pass of the network
            call = 0
        self.calls[name] = call + 1
        return name if call == 0 else f"{name}#{call}"


_session: ContextVar[_Session | None] = ContextVar("norm", default=None)


@contextmanager
def _during(session: _Session) -> Iterator[Statistics]:
    token = _session.set(session)
    try:
        yield session.kept
    finally:
        _session.reset(token)


def recording(mask: Tensor | None = None) -> AbstractContextManager[Statistics]:
    """Keeps the statistics of each batch norm called inside: ``with recording(mask) as kept: network(x)``."""
    return _during(_Session(mask=mask))


def counting(mask: Tensor) -> AbstractContextManager[Statistics]:
    """Normalises with the statistics of the rows of mask 1, which are not kept: ``with counting(mask): network(x)``."""
    whole = not is_mapped() and not is_exporting() and bool(mask.all())
    return _during(_Session(keep=False, mask=None if whole else mask))


def replaying(kept: Statistics) -> AbstractContextManager[Statistics]:
    """Normalises with kept statistics: ``with replaying(kept): network(x)``."""
    return _during(_Session(kept=kept, replay=True))


class BatchNorm(nn.Module):
    """Batch norm over the rows given, ``(x − μ) / √(σ² + ε) · w + b``, without running averages; rows of mask 0 do not count.

    Source: Ioffe & Szegedy, 2015, Batch normalization.
    """

    def __init__(self, features: int, *, eps: float = 1e-5, affine: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.features, self.eps, self.name = features, eps, ""
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        session, shape = _session.get(), (1, -1, *[1] * (x.ndim - 2))
        if (session is None or not session.replay) and x.numel() <= x.shape[1]:
            raise _single(self.name, queries=session is None)
        if session is None or not (session.replay or session.keep or session.mask is not None):
            if self.weight is not None and self.bias is not None:
                exact = batch_norm(x, self.weight, self.bias, self.eps)
                if exact is not None:
                    return exact
            normal = nn.functional.batch_norm(x, None, None, training=True, eps=self.eps)
        else:
            key = session.key(self.name)
            if not session.replay:
                session.kept[key] = _moments(x, session.mask, self.name)
            mean, variance = session.kept[key]
            normal = (x - mean.view(shape)) * (variance.view(shape) + self.eps).rsqrt()
        normal = normal if self.weight is None else normal * self.weight.view(shape)
        return normal if self.bias is None else normal + self.bias.view(shape)

    def extra_repr(self) -> str:
        return f"{self.name}, eps={self.eps}, affine={self.weight is not None}"


def _single(name: str, queries: bool) -> ShapeError:
    """One number has no variance: what is divided by it is 300 times too large."""
    if queries:
        remedy = 'Give more queries at once, or use norm="support".'
    else:
        remedy = (
            "Give two or more support rows, or a network whose norms look at each row alone (nn.LayerNorm, nn.GroupNorm) or that "
            "has none."
        )
    return ShapeError(f"batch norm {name} cannot take its statistics from a single row. {remedy}")


def _moments(x: Tensor, mask: Tensor | None, name: str) -> tuple[Tensor, Tensor]:
    axes = [0, *range(2, x.ndim)]
    if mask is None:
        centred = x - x.mean(axes, keepdim=True)
        return x.mean(axes), (centred * centred).mean(axes)  # three times as fast as x.var
    if x.shape[0] != mask.shape[0]:  # the network folded positions into rows: (S, T, C) as (S·T, C)
        mask = mask.repeat_interleave(x.shape[0] // mask.shape[0])
    real, positions = mask.sum(), x.shape[2:].numel()
    weight = (mask / real.clamp(min=1)).view(-1, *[1] * (x.ndim - 1)) / positions
    mean = (x * weight).sum(axes)
    centred = x - mean.view(1, -1, *[1] * (x.ndim - 2))
    variance = (centred**2 * weight).sum(axes)
    if positions > 1:
        return mean, variance
    if is_mapped() or is_exporting():  # nothing can be raised here: the outputs are no numbers, which every border refuses
        return mean, torch.where(real > 1, variance, torch.nan)
    if not bool(real > 1):
        raise _single(name, queries=False)
    return mean, variance


class LayerNorm(nn.LayerNorm):
    """Layer norm as norm without affine, then ``· w + b`` (Ba, Kiros & Hinton, 2016, Layer normalization)."""

    def forward(self, x: Tensor) -> Tensor:
        normal = nn.functional.layer_norm(x, self.normalized_shape, None, None, self.eps)
        normal = normal if self.weight is None else normal * self.weight
        return normal if self.bias is None else normal + self.bias


class InstanceNorm(nn.Module):
    """Instance norm over each example's own positions (Ulyanov, Vedaldi & Lempitsky, 2016, Instance normalization)."""

    def __init__(self, features: int, *, eps: float = 1e-5, affine: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.features, self.eps = features, eps
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        axes, shape = list(range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
        mean, variance = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
        normal = (x - mean) * (variance + self.eps).rsqrt()
        normal = normal if self.weight is None else normal * self.weight.view(shape)
        return normal if self.bias is None else normal + self.bias.view(shape)


class SettledNorm(nn.Module):
    """Batch norm at the end of its training, ``(x − μ) / √(σ² + ε) · w + b`` with the running averages μ and σ² as constants."""

    def __init__(self, norm: _BatchNorm) -> None:
        super().__init__()
        if norm.running_mean is None or norm.running_var is None:
            raise LearnerError(
                "a batch norm without running averages cannot be settled. Pre-train it with track_running_stats=True."
            )
        self.eps, self.features = norm.eps, norm.num_features
        self.register_buffer("running_mean", norm.running_mean.clone())
        self.register_buffer("running_var", norm.running_var.clone())
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        shape = (1, -1, *[1] * (x.ndim - 2))
        mean, variance = self.get_buffer("running_mean").view(shape), self.get_buffer("running_var").view(shape)
        normal = (x - mean) * (variance + self.eps).rsqrt()
        normal = normal if self.weight is None else normal * self.weight.view(shape)
        return normal if self.bias is None else normal + self.bias.view(shape)

    def extra_repr(self) -> str:
        return f"{self.features}, eps={self.eps}, affine={self.weight is not None}"


class WeightNorm(_WeightNorm):
    """``w = g v / ‖v‖`` in plain operations (Salimans & Kingma, 2016, Weight normalization)."""

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        kept = self.dim % weight_v.ndim if self.dim != -1 else -1
        axes = [axis for axis in range(weight_v.ndim) if axis != kept]
        size: Tensor = torch.linalg.vector_norm(weight_v, dim=axes, keepdim=True)
        return weight_v * (weight_g / size)


def convert(network: nn.Module) -> nn.Module:
    """A copy of ``network`` with exact norms in place of stock ones, same weights under the same names.

    `quickstudy.nn.Frozen` parts stay as they are. A norm that also drops and activates (timm's BatchNormAct2d) goes on to.

    Raises:
        LearnerError: the network uses PyTorch's deprecated weight norm, whose second derivative is wrong; a class derived from
            a batch or instance norm computes something else; weights have no size yet.

    >>> convert(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): BatchNorm(1, eps=1e-05, affine=True)
    )
    """
    for path, module in network.named_modules(memo=frozen_parts(network)):
        if any(isinstance(hook, _OldWeightNorm) for hook in module._forward_pre_hooks.values()):
            raise LearnerError(f"{path}: use torch.nn.utils.parametrizations.weight_norm instead of torch.nn.utils.weight_norm.")
    converted = exchanged(network, _exact, agreeing_in="train")
    for path, module in converted.named_modules():
        if isinstance(module, BatchNorm):
            module.name = path or "norm"
    return converted


def _exact(module: nn.Module) -> nn.Module | None:
    exact: nn.Module
    if isinstance(module, _InstanceNorm):
        exact = InstanceNorm(module.num_features, eps=module.eps, affine=module.affine, bias=module.bias is not None)
    elif isinstance(module, _BatchNorm):
        exact = BatchNorm(module.num_features, eps=module.eps, affine=module.affine, bias=module.bias is not None)
    elif type(module) is nn.LayerNorm:
        affine, bias = module.elementwise_affine, module.bias is not None
        exact = LayerNorm(list(module.normalized_shape), module.eps, affine, bias)
    elif type(module) is _WeightNorm:
        exact = WeightNorm(module.dim)
    else:
        return None
    for name, weight in module.named_parameters(recurse=False):  # the same objects: what was tied or frozen stays so
        exact.register_parameter(name, weight)
    return exact
