"""Batch norm of images in the channels-last layout, as exact as in the ordinary one and as fast as it is there.

PyTorch's kernel for this layout adds up all positions of a channel one after another in float32: with a few hundred images
the mean is off by 1e-5, and gradients by as much. Here that kernel sums short runs of positions, whose sums are added in double
precision.

Source: Ioffe & Szegedy, 2015, Batch normalization; Chan, Golub & LeVeque, 1983, Algorithms for computing the sample variance.
"""

from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.functional.unroll import is_exporting, is_mapped

__all__ = ["ExactBatchNorm2d", "batch_norm", "laid_out", "moments"]

_RUN = 1024
"""Positions in a run; shorter ones are more exact and slower."""


def laid_out(x: Tensor) -> Tensor:
    """Images (B, C, H, W) in the layout that convolutions on this device are fast in: channels last on a CPU.

    Of one channel both layouts are the same numbers in memory, and PyTorch takes the ordinary one unless strides say otherwise.
    """
    if x.device.type != "cpu" or x.ndim != 4 or is_mapped() or is_exporting():
        return x
    if x.shape[1] == 1:
        return x.reshape(x.shape[0], *x.shape[2:], 1).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=torch.channels_last) if _is_last(x) is False else x


def _is_last(x: Tensor) -> bool | None:
    """Whether channels come last; None under `torch.func.vmap`, which does not tell."""
    try:
        return x.is_contiguous(memory_format=torch.channels_last)
    except RuntimeError:
        return None


def _here(x: Tensor) -> bool:
    suits = x.device.type == "cpu" and x.dtype == torch.float32 and x.ndim == 4 and not is_mapped() and not is_exporting()
    return suits and bool(_is_last(x)) and not x.is_contiguous()


class ExactBatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, same weights and running averages, exact in the channels-last layout.

    >>> norm = ExactBatchNorm2d(3)
    >>> x = torch.randn(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    >>> bool((norm(x).mean((0, 2, 3)).abs() < 1e-6).all())
    True
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.affine or self.momentum is None or not _here(x):
            return super().forward(x)
        normal, mean, variance = _Normalised.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            count = x.numel() // x.shape[1]
            with torch.no_grad():
                self.num_batches_tracked += 1
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(variance * (count / max(count - 1, 1)), self.momentum)
        return normal  # type: ignore[no-any-return]


def batch_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor | None:
    """Batch norm by the batch's own statistics, (B, C, H, W) -> the same; None in another layout, or under `torch.func.vmap`."""
    if not _here(x):
        return None
    return _Normalised.apply(x, weight, bias, eps)[0]  # type: ignore[no-any-return, no-untyped-call]


def _runs(x: Tensor) -> tuple[Tensor, ...]:
    return torch.split(x, max(1, _RUN // x.shape[2:].numel()))


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel, (C,) each, in double precision: Chan's formula over runs of whole images."""
    runs = _runs(x)
    found = [torch.batch_norm_update_stats(run, None, None, 0.0) for run in runs]
    share = torch.tensor([run.shape[0] / x.shape[0] for run in runs], dtype=torch.float64)[:, None]
    means, variances = (torch.stack(part).double() for part in zip(*found, strict=True))
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean) ** 2)).sum(0)


class _Normalised(torch.autograd.Function):
    """``(x − μ) / √(σ² + ε) · w + b``, with μ and σ²."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        mean, variance = (moment.float() for moment in moments(x))
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return nn.functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), mean, variance

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        grad, (x, weight, mean, variance) = grads[0], ctx.saved_tensors
        if torch.is_grad_enabled():  # a gradient that will itself be differentiated
            return (*_plain_gradient(grad, x, weight, ctx.eps), None)
        return (*_gradient(grad, x, weight, mean, variance, ctx.eps), None)


def _plain_gradient(grad: Tensor, x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """``dx = w / s · (g − Σg / R − x̂ Σ(g x̂) / R)``, ``dw = Σ(g x̂)``, ``db = Σg``, over R positions, in plain operations."""
    axes = (0, 2, 3)
    centred = x - x.mean(axes, keepdim=True)
    inverse = ((centred * centred).mean(axes, keepdim=True) + eps).rsqrt()
    normal = centred * inverse
    by_weight, by_bias = (grad * normal).sum(axes, keepdim=True), grad.sum(axes, keepdim=True)
    count = x.numel() // x.shape[1]
    by_x = (weight.view(1, -1, 1, 1) * inverse) * (grad - by_bias / count - normal * (by_weight / count))
    return by_x, by_weight.flatten(), by_bias.flatten()


def _gradient(
    grad: Tensor, x: Tensor, weight: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same in three passes over memory."""
    grad = grad.contiguous(memory_format=torch.channels_last)
    inverse = (variance.double() + eps).rsqrt()
    by_weight, by_bias = _sums(grad, x, mean, variance, eps)
    count = x.numel() // x.shape[1]
    slope = -weight.double() * inverse**2 * by_weight / count
    level = -weight.double() * inverse * by_bias / count - slope * mean.double()

    def wide(channel: Tensor) -> Tensor:
        return channel.float().view(1, -1, 1, 1)

    by_x = torch.addcmul(torch.addcmul(wide(level), x, wide(slope)), grad, wide(weight.double() * inverse))
    return by_x, by_weight.float(), by_bias.float()


def _sums(grad: Tensor, x: Tensor, mean: Tensor, variance: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """``Σ(g x̂)`` and ``Σ g`` of each channel, (C,) each, in double precision."""
    one = torch.ones_like(mean)
    found = [
        torch.ops.aten.native_batch_norm_backward(g, z, one, mean, variance, None, None, False, eps, [False, True, True])[1:]
        for g, z in zip(_runs(grad), _runs(x), strict=True)
    ]
    by_weight, by_bias = (torch.stack(part).double().sum(0) for part in zip(*found, strict=True))
    return by_weight, by_bias
