"""Newton's method for multinomial logistic regressions of many tasks together, and systems with their Hessians.

The systems are solved by preconditioned conjugate gradients (Hestenes & Stiefel, 1952), in the smaller of the space of examples
and the space of features. A step need not be exact, so its system may be solved in single precision (inexact Newton: Dembo,
Eisenstat & Steihaug, 1982); slopes and objectives, which decide where the optimum is, are in the precision of the rows given.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["NEVER", "inverse", "newton"]

NEVER = -1e4
"""The logit of a class that is not there: its probability is exactly zero."""

_MOST_PRODUCTS = 200
"""Products with a Hessian in one system."""

_FEW_PRODUCTS = 6
"""A system that takes more has outgrown its preconditioner."""


class _Hessian(NamedTuple):
    """``λ I + Σ_s m_s (diag q_s − q_s q_sᵀ) ⊗ x_s x_sᵀ`` of B tasks.

    Args:
        x: rows (B, S, R).
        q: probabilities (B, S, N).
        p: the same times the weights m of rows, zero for padding.
        penalty: λ (B, 1, 1).
    """

    x: Tensor
    q: Tensor
    p: Tensor
    penalty: Tensor

    def curved(self, f: Tensor) -> Tensor:
        """``m_s (diag q_s − q_s q_sᵀ) f_s`` of changes of the logits (B, S, N)."""
        along = self.p * f
        return along - self.q * along.sum(-1, keepdim=True)

    def __call__(self, v: Tensor) -> Tensor:
        return self.penalty * v + self.curved(self.x @ v.mT).mT @ self.x

    def near_inverse(self) -> Tensor:
        """The inverse of ``λ I + Σ_s c_s x_s x_sᵀ``, c_s the mean curvature of row s: exact where all classes are alike."""
        others = ((self.q.sum(-2) > 0).sum(-1) - 1).clamp(min=1)[:, None, None]
        c = (self.p - self.p * self.q).sum(-1, keepdim=True) / others
        near = (self.x * c).mT @ self.x
        near.diagonal(dim1=1, dim2=2).add_(self.penalty[:, 0])
        return torch.cholesky_inverse(torch.linalg.cholesky_ex(near).L)

    def solve(self, target: Tensor, near: Tensor, share: Tensor | float, active: Tensor) -> tuple[Tensor, int]:
        """``H⁻¹ target`` (B, N, R) until what is left is a ``share`` of the target, and how many products that took."""
        tiny = torch.finfo(target.dtype).tiny
        found, rest, along = torch.zeros_like(target), target, target @ near
        inner, products = _dot(rest, along), 0
        enough = share**2 * inner + tiny
        while products < _MOST_PRODUCTS:
            active = active & (inner > enough)
            if not bool(active.any()):
                break
            image, products = self(along), products + 1
            far = active * inner / _dot(along, image).clamp(min=tiny)
            found, rest = found + far * along, rest - far * image
            turned = rest @ near
            before, inner = inner, _dot(rest, turned)
            along = turned + (inner / before.clamp(min=tiny)) * along
        return found, products


class _System:
    """Solves with one Hessian after another, in numbers of ``kind`` while that suffices; keeps what still preconditions."""

    def __init__(self, kind: torch.dtype) -> None:
        self.kind = kind
        self.near: Tensor | None = None

    def step(self, hessian: _Hessian, slope: Tensor, share: Tensor, active: Tensor) -> Tensor:
        """About ``−H⁻¹ slope``, a direction in which the objective falls."""
        size = slope.abs().amax((-1, -2), keepdim=True).clamp(min=torch.finfo(slope.dtype).tiny)
        work = _Hessian(*[part.to(self.kind) for part in hessian])
        near = work.near_inverse() if self.near is None else self.near
        along, products = work.solve(-(slope / size).to(self.kind), near, share.to(self.kind), active)
        self.near = near if products <= _FEW_PRODUCTS else None
        along = along.to(slope.dtype) * size
        if self.kind != slope.dtype and not bool((~active | (_dot(along, slope) < 0)).all()):
            self.kind, self.near = slope.dtype, None
            return self.step(hessian, slope, share, active)
        return along


def newton(x: Tensor, y: Tensor, offset: Tensor, penalty: Tensor, steps: int, tolerance: float, kind: torch.dtype) -> Tensor:
    """The optimum (B, N, D) of B tasks, from W = 0 on, of ``Σ_s m_s (−log softmax(o_s + W x_s)[y_s]) + ½ λ ‖W‖²``.

    A step goes as far along ``−H⁻¹ ∇`` as lowers the objective. A task that is done stays as it is; all stop with the last.

    Args:
        x: rows (B, S, D), zero for padding.
        y: classes (B, S, N), times the weights of the rows.
        offset: o (B, S, N), `NEVER` for a class that stays out.
        penalty: λ (B, 1, 1).
        steps: at most.
        tolerance: a task is done where its slope has fallen to this share of that at W = 0.
        kind: of the numbers in which steps are solved for.
    """
    rows, least = _coordinates(x), max(tolerance, 100 * torch.finfo(x.dtype).eps)
    m, system = y.sum(-1, keepdim=True), _System(kind)
    w = x.new_zeros(y.shape[0], y.shape[2], rows.shape[2])
    q, fit = _explained(offset, y, m)
    f, first = offset, x.new_zeros(())
    for step in range(steps):
        p = m * q
        slope = penalty * w - (y - p).mT @ rows
        size = _dot(slope, slope).sqrt()
        first = first if step else size
        active = size > least * first
        if not bool(active.any()):
            break
        share = (size / first).sqrt().clamp(max=0.1)
        along = system.step(_Hessian(rows, q, p, penalty), slope, share, active)
        (w, f), (q, fit) = _onward((w, f), (along, rows @ along.mT), (fit, _dot(along, slope)), (y, m, penalty), active)
    if rows is not x:  # λ w = Σ_s m_s (y_s − q_s) x_s at the optimum
        w = (y - m * q).mT @ x / penalty
    return w + 0 * fit  # numbers that are none stay none


_Pair = tuple[Tensor, Tensor]


def _onward(at: _Pair, ahead: _Pair, known: _Pair, data: tuple[Tensor, Tensor, Tensor], active: Tensor) -> tuple[_Pair, _Pair]:
    """Weights and logits, then probabilities and fit, a step further: the whole one, halved as often as the objective needs."""
    (w, f), (along, change), (fit, fall), (y, m, penalty) = at, ahead, known, data
    size, cross, square = _dot(w, w), _dot(w, along), _dot(along, along)
    now = fit + penalty / 2 * size
    share = active.to(f.dtype)
    for _ in range(20):
        there = f + share * change
        q, reached = _explained(there, y, m)
        objective = reached + penalty / 2 * (size + 2 * share * cross + share**2 * square)
        worse = active & (objective > now + 1e-4 * share * fall + 1e-12 * now.abs())
        if not bool(worse.any()):
            break
        share = torch.where(worse, share / 2, share)
    return (w + share * along, there), (q, reached)


def _explained(f: Tensor, y: Tensor, m: Tensor) -> _Pair:
    """Probabilities (B, S, N) at logits f, and the negative log-likelihood of the classes (B, 1, 1)."""
    top = f.amax(-1, keepdim=True)
    powers = (f - top).exp()
    total = powers.sum(-1, keepdim=True)
    return powers / total, _dot(total.log() + top, m) - _dot(f, y)


def inverse(x: Tensor, offset: Tensor, p: Tensor, target: Tensor, penalty: Tensor, share: float = 1e-12) -> Tensor:
    """``H⁻¹ target`` for targets (B, N, D), p the probabilities (B, S, N) times the weights of rows; see `newton`."""
    rows, m = _coordinates(x), p.sum(-1, keepdim=True)
    present = (offset > NEVER / 2).all(-2)[..., None].to(x.dtype)  # (B, N, 1)
    shift = (target * present).sum(-2, keepdim=True) / present.sum(-2, keepdim=True).clamp(min=1)
    inside = (target - shift) * present  # adding the same to all classes changes no probability: H is λ there
    hessian = _Hessian(rows, p / m.clamp(min=torch.finfo(p.dtype).tiny), p, penalty)
    near, active = hessian.near_inverse(), torch.ones_like(penalty, dtype=torch.bool)
    if rows is x:
        solved, _ = hessian.solve(inside, near, share, active)
    else:
        own = torch.linalg.solve_triangular(rows, x @ inside.mT, upper=False).mT
        solved = (inside - hessian.curved(rows @ hessian.solve(own, near, share, active)[0].mT).mT @ x) / penalty
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


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((-1, -2), keepdim=True)
