"""Multinomial logistic regression of one task, solved to its optimum, whose derivative is that of the optimum itself.

The optimum is found by Newton's method (`functional.newton`) in double precision. Many tasks that `torch.func.vmap` maps are
solved together: a task that is done stays as it is, and all stop when the last one is done.
"""

from typing import Any

import torch
from torch import Tensor

from quickstudy.functional.newton import NEVER, inverse, newton

__all__ = ["logistic", "logistic_labels"]


def logistic(
    x_SD: Tensor,
    y_SN: Tensor,
    mask_S: Tensor,
    penalty: Tensor,
    steps: int = 50,
    tolerance: float | None = None,
    offset_SN: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Weights W (N, D) and biases b (N,) that minimise ``Σ_s m_s (−log softmax(o_s + W x_s + b)[y_s]) + ½ λ ‖W, b‖²``.

    A Newton step solves ``(λ I + Σ_s m_s (diag p_s − p_s p_sᵀ) ⊗ x_s x_sᵀ) d = −∇`` and goes as far along d as lowers the
    objective; x has a feature of one. The gradient is the implicit one, ``−H⁻¹ ∂∇``, which is exact at the optimum however it was
    found. scikit-learn's ``C`` is 1 / λ, and 2 / λ for two classes, whose log-odds alone it penalises.

    Args:
        x_SD: features.
        y_SN: classes.
        mask_S: m, the weight of each row, 0 for padding.
        penalty: λ, a positive scalar.
        steps: of Newton's method at most.
        tolerance: stops where the gradient's norm has fallen to this share of that at W = 0; by default 1e-10, and 1e-8 for
            features of single precision.
        offset_SN: o, logits to begin with; a class at −1e4 stays out. Without them that is one that no row has.

    >>> weight, bias = logistic(torch.tensor([[1.0], [-1.0]]), torch.eye(2), torch.ones(2), torch.tensor(1.0))
    >>> weight[0] - 2 * torch.sigmoid(-2 * weight[0])  # w = 2 (1 − p) for logits ±w
    tensor([0.])
    """
    x = _precise(torch.cat([x_SD, torch.ones_like(x_SD[:, :1])], 1) * (mask_S > 0)[:, None])
    y, scale = _precise(y_SN * mask_S[:, None]), _precise(penalty)
    if offset_SN is None:
        offset_SN = torch.zeros_like(y).masked_fill(y.sum(0) <= 0, NEVER)
    offset = _precise(offset_SN)
    single = x_SD.dtype != torch.float64
    least = (1e-8 if single else 1e-10) if tolerance is None else tolerance
    given = (x.detach(), y.detach(), offset.detach(), scale.detach())
    found = _Optimum.apply(*given, steps, least, single)  # type: ignore[no-untyped-call]
    if torch.is_grad_enabled():
        p = _probabilities(x @ found.mT + offset, y)
        slope = scale * found - (y - p).mT @ x
        found = _AtOptimum.apply(found, slope, x.detach(), offset.detach(), p.detach(), scale.detach())  # type: ignore[no-untyped-call]
    both = found.to(x_SD.dtype)
    return both[:, :-1], both[:, -1]


def logistic_labels(
    x_SD: Tensor, y_SN: Tensor, mask_S: Tensor, penalty: Tensor, steps: int = 50, offset_SN: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Weights W (N, D) and biases b (N,) of the log-odds of N labels, each by a logistic regression of its own.

    Without offsets a label that all rows have, or none, has nothing to be told from: its weights are zero, its bias is that of
    the rule of succession, ``log((n + 1) / (S − n + 1))`` with n of S rows.

    Args:
        x_SD: features.
        y_SN: 1 where a row has a label, else 0.
        mask_S: 1 for real rows.
        penalty: λ of each, as of `logistic` for two classes.
        steps: of Newton's method at most.
        offset_SN: log-odds to begin with.

    >>> weight, bias = logistic_labels(torch.tensor([[1.0], [-1.0]]), torch.eye(2)[:, :1], torch.ones(2), torch.tensor(1.0))
    >>> weight / 2 - 2 * torch.sigmoid(-weight)  # the log-odds are twice the logit of `logistic`
    tensor([[0.]])
    """
    found = []
    for n, y_S in enumerate(y_SN.unbind(1)):
        start = None if offset_SN is None else torch.stack([offset_SN[:, n], -offset_SN[:, n]], 1) / 2
        weight, bias = logistic(x_SD, torch.stack([y_S, 1 - y_S], 1), mask_S, penalty, steps, offset_SN=start)
        have, lack = (y_S * mask_S).sum(), ((1 - y_S) * mask_S).sum()
        both = ((have > 0) & (lack > 0)) | (start is not None)
        alone = ((have + 1) / (lack + 1)).log().to(bias.dtype)
        found.append((torch.where(both, weight[0] - weight[1], 0), torch.where(both, bias[0] - bias[1], alone)))
    return torch.stack([weight for weight, _ in found]), torch.stack([bias for _, bias in found])


class _Optimum(torch.autograd.Function):
    """Weights with biases (..., N, D + 1) at the optimum, a constant for autograd; leading axes are tasks."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, offset: Tensor, penalty: Tensor, steps: int, tolerance: float, single: bool) -> Tensor:
        flat, kind = [_flat(part) for part in (x, y, offset)], torch.float32 if single else x.dtype
        found = newton(flat[0], flat[1], flat[2], penalty.reshape(-1, 1, 1), steps, tolerance, kind)
        return found.reshape(*x.shape[:-2], *found.shape[1:])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None,) * 7

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> tuple[Tensor, int]:
        return _Optimum.apply(*_together(info, in_dims, given)), 0  # type: ignore[no-untyped-call]


class _AtOptimum(torch.autograd.Function):
    """The optimum, with ``−H⁻¹`` times the derivative of the slope for its own."""

    @staticmethod
    def forward(found: Tensor, slope: Tensor, x: Tensor, offset: Tensor, p: Tensor, penalty: Tensor) -> Tensor:
        return found.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs[2:])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        x, offset, p, penalty = ctx.saved_tensors
        solved = inverse(_flat(x), _flat(offset), _flat(p), _flat(grad), penalty.reshape(-1, 1, 1))
        return None, -solved.reshape(grad.shape), None, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> tuple[Tensor, int]:
        return _AtOptimum.apply(*_together(info, in_dims, given)), 0  # type: ignore[no-untyped-call]


def _flat(matrices: Tensor) -> Tensor:
    """All leading axes as one."""
    return matrices.reshape(matrices.shape[:-2].numel(), *matrices.shape[-2:])


def _together(info: Any, in_dims: Any, given: Any) -> list[Any]:
    """All tensors with the mapped axis in front."""
    return [
        part
        if not isinstance(part, Tensor)
        else part.expand(info.batch_size, *part.shape)
        if axis is None
        else part.movedim(axis, 0)
        for part, axis in zip(given, in_dims, strict=True)
    ]


def _probabilities(f: Tensor, y: Tensor) -> Tensor:
    """Of the classes (..., S, N), times the weight of each row; zero in rows of padding."""
    return f.softmax(-1) * y.sum(-1, keepdim=True)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
