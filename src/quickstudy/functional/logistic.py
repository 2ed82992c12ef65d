"""Multinomial logistic regression of one task, solved to its optimum, whose derivative is that of the optimum itself.

Newton's steps solve their systems by conjugate gradients (Hestenes & Stiefel, 1952), in the smaller of the space of examples and
the space of features, in double precision. Many tasks that `torch.func.vmap` maps are solved together: a task that is done stays
as it is, and all stop when the last one is done.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["logistic", "logistic_labels"]

_NEVER = -1e4
"""The logit of a class that is not there: its probability is exactly zero."""

_MOST_PRODUCTS = 200
"""Products with a Hessian in one system."""


def logistic(
    x_SD: Tensor,
    y_SN: Tensor,
    mask_S: Tensor,
    penalty: Tensor,
    steps: int = 50,
    tolerance: float = 1e-10,
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
        tolerance: stops where the gradient's norm has fallen to this share of that at W = 0.
        offset_SN: o, logits to begin with; a class at −1e4 stays out. Without them that is one that no row has.

    >>> weight, bias = logistic(torch.tensor([[1.0], [-1.0]]), torch.eye(2), torch.ones(2), torch.tensor(1.0))
    >>> weight[0] - 2 * torch.sigmoid(-2 * weight[0])  # w = 2 (1 − p) for logits ±w
    tensor([0.])
    """
    x = _precise(torch.cat([x_SD, torch.ones_like(x_SD[:, :1])], 1) * (mask_S > 0)[:, None])
    y, scale = _precise(y_SN * mask_S[:, None]), _precise(penalty)
    if offset_SN is None:
        offset_SN = torch.zeros_like(y).masked_fill(y.sum(0) <= 0, _NEVER)
    offset = _precise(offset_SN)
    found = _Optimum.apply(x.detach(), y.detach(), offset.detach(), scale.detach(), steps, tolerance)  # type: ignore[no-untyped-call]
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
    def forward(x: Tensor, y: Tensor, offset: Tensor, penalty: Tensor, steps: int, tolerance: float) -> Tensor:
        found = _newton(_flat(x), _flat(y), _flat(offset), penalty.reshape(-1, 1, 1), steps, tolerance)
        return found.reshape(*x.shape[:-2], *found.shape[1:])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None,) * 6

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
        solved = _inverse(_flat(x), _flat(offset), _flat(p), _flat(grad), penalty.reshape(-1, 1, 1))
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


class _Hessian(NamedTuple):
    """``λ I + Σ_s (diag p_s − p_s p_sᵀ / m_s) ⊗ x_s x_sᵀ`` of B tasks, x (B, S, R), λ (B, 1, 1), p (B, S, N) with sums m_s."""

    x: Tensor
    p: Tensor
    penalty: Tensor

    def curved(self, f: Tensor) -> Tensor:
        """``(diag p_s − p_s p_sᵀ / m_s) f_s`` of changes of the logits (B, S, N)."""
        along = self.p * f
        return along - self.shares() * along.sum(-1, keepdim=True)

    def shares(self) -> Tensor:
        """Probabilities, whatever the weight of a row; zero in rows of padding."""
        return self.p / self.p.sum(-1, keepdim=True).clamp(min=torch.finfo(self.p.dtype).tiny)

    def __call__(self, v: Tensor) -> Tensor:
        return self.penalty * v + self.curved(self.x @ v.mT).mT @ self.x

    def near_inverse(self) -> Tensor:
        """The inverse of ``λ I + Σ_s c_s x_s x_sᵀ``, c_s the mean curvature of row s: exact where all classes are alike."""
        others = ((self.p.sum(-2) > 0).sum(-1) - 1).clamp(min=1)[:, None]
        c = (self.p - self.p * self.shares()).sum(-1) / others
        near = (self.x * c[..., None]).mT @ self.x
        near = near + self.penalty * torch.eye(near.shape[-1], dtype=near.dtype, device=near.device)
        return torch.cholesky_inverse(torch.linalg.cholesky_ex(near).L)

    def solve(self, target: Tensor, share: Tensor | float, active: Tensor) -> Tensor:
        """``H⁻¹ target`` (B, N, R), by preconditioned conjugate gradients until what is left is a ``share`` of the target."""
        near, tiny = self.near_inverse(), torch.finfo(target.dtype).tiny
        found, rest, along = torch.zeros_like(target), target, target @ near
        inner = _dot(rest, along)
        enough = share**2 * inner + tiny
        for _ in range(_MOST_PRODUCTS):
            active = active & (inner > enough)
            if not bool(active.any()):
                break
            image = self(along)
            far = active * inner / _dot(along, image).clamp(min=tiny)
            found, rest = found + far * along, rest - far * image
            turned = rest @ near
            before, inner = inner, _dot(rest, turned)
            along = turned + (inner / before.clamp(min=tiny)) * along
        return found


def _newton(x: Tensor, y: Tensor, offset: Tensor, penalty: Tensor, steps: int, tolerance: float) -> Tensor:
    """The optimum (B, N, D + 1) of B tasks, from W = 0 on."""
    rows, least = _coordinates(x), max(tolerance, 100 * torch.finfo(x.dtype).eps)
    w = x.new_zeros(y.shape[0], y.shape[2], rows.shape[2])
    f = rows @ w.mT + offset
    first = size = x.new_zeros(())
    for step in range(steps):
        p = _probabilities(f, y)
        slope = penalty * w - (y - p).mT @ rows
        size = _dot(slope, slope).sqrt()
        first = first if step else size
        active = size > least * first
        if not bool(active.any()):
            break
        share = (size / first).sqrt().clamp(max=0.1)
        along = _Hessian(rows, p, penalty).solve(-slope, share, active)
        ahead = rows @ along.mT
        far = active * _far((w, along, slope), (f, ahead), y, penalty)
        w, f = w + far * along, f + far * ahead
    if rows is not x:  # λ w = Σ_s (y_s − p_s) x_s at the optimum
        w = (y - _probabilities(f, y)).mT @ x / penalty
    return w + 0 * size  # numbers that are none stay none


def _far(weights: tuple[Tensor, Tensor, Tensor], logits: tuple[Tensor, Tensor], y: Tensor, penalty: Tensor) -> Tensor:
    """How much of a step to go (B, 1, 1): all where that lowers the objective enough, else the power of ½ that lowers it most."""
    (w, along, slope), (f, ahead) = weights, logits
    rows = y.sum(-1)

    def objective(share: float) -> Tensor:
        logit, weight = f + share * ahead, w + share * along
        return (logit.logsumexp(-1) * rows).sum(-1)[:, None, None] - _dot(logit, y) + penalty / 2 * _dot(weight, weight)

    now, whole = objective(0.0), objective(1.0)
    fine = whole <= now + 1e-4 * _dot(along, slope) + 1e-12 * now.abs()
    if bool(fine.all()):
        return torch.ones_like(now)
    best = torch.stack([objective(0.5**k) for k in range(1, 21)]).argmin(0)
    return torch.where(fine, torch.ones_like(now), 0.5 ** (best + 1.0).to(now.dtype))


def _inverse(x: Tensor, offset: Tensor, p: Tensor, target: Tensor, penalty: Tensor) -> Tensor:
    """``H⁻¹ target`` for targets (B, N, D + 1)."""
    rows = _coordinates(x)
    present = (offset > _NEVER / 2).all(-2)[..., None].to(x.dtype)  # (B, N, 1)
    shift = (target * present).sum(-2, keepdim=True) / present.sum(-2, keepdim=True).clamp(min=1)
    inside = (target - shift) * present  # adding the same to all classes changes no probability: H is λ there
    hessian, active = _Hessian(rows, p, penalty), torch.ones_like(penalty, dtype=torch.bool)
    if rows is x:
        solved = hessian.solve(inside, 1e-12, active)
    else:
        own = torch.linalg.solve_triangular(rows, x @ inside.mT, upper=False).mT
        solved = (inside - hessian.curved(rows @ hessian.solve(own, 1e-12, active).mT).mT @ x) / penalty
    return solved + (target - inside) / penalty


def _coordinates(x: Tensor) -> Tensor:
    """Rows (B, S, R) with the products of those of ``x``: themselves, or where there are fewer rows than features a triangle."""
    if x.shape[1] >= x.shape[2]:
        return x
    products = x @ x.mT
    diagonal = products.diagonal(dim1=1, dim2=2)
    diagonal += 10 * torch.finfo(x.dtype).eps * diagonal.sum(-1, keepdim=True)  # rows may depend on each other, or be padding
    triangle: Tensor = torch.linalg.cholesky_ex(products).L
    return triangle


def _probabilities(f: Tensor, y: Tensor) -> Tensor:
    """Of the classes (..., S, N), times the weight of each row; zero in rows of padding."""
    return f.softmax(-1) * y.sum(-1, keepdim=True)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((-1, -2), keepdim=True)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
