"""Derivatives of a minimum by the implicit function theorem: no step that led there is remembered.

Sources: Rajeswaran, Finn, Kakade & Levine, 2019, Meta-learning with implicit gradients; Lorraine, Vicol & Duvenaud, 2020,
Optimizing millions of hyperparameters by implicit differentiation (Neumann series).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.functional.attention import plain_attention
from quickstudy.functional.unroll import Weights, is_mapped, mapped

__all__ = ["ConjugateGradients", "Neumann", "Product", "Solver", "implicit"]

Product = Callable[[Weights], Weights]
"""A symmetric matrix as what it does to named vectors."""


class Solver(Protocol):
    """``A⁻¹ b``, from products with A alone, in a fixed number of steps without branches on values."""

    def __call__(self, product: Product, target: Weights) -> Weights: ...


@dataclass(frozen=True)
class ConjugateGradients:
    """Conjugate gradients from zero (Hestenes & Stiefel, 1952), for a positive definite A; exact after as many steps as A has
    different eigenvalues. Scaling A scales the answer, not its accuracy.

    Args:
        steps: products with A.
        damping: solves ``(A + damping I) x = b`` instead, where A may have eigenvalues near zero or below.

    >>> solve = ConjugateGradients(2)
    >>> solve(lambda v: {"a": torch.tensor([2.0, 4.0]) * v["a"]}, {"a": torch.ones(2)})["a"]
    tensor([0.5000, 0.2500])
    """

    steps: int = 5
    damping: float = 0.0

    def __call__(self, product: Product, target: Weights) -> Weights:
        found = {name: torch.zeros_like(b) for name, b in target.items()}
        rest, along, size = target, target, _dot(target, target)
        for _ in range(self.steps):
            image = {name: v + self.damping * along[name] for name, v in product(along).items()}
            far = _ratio(size, _dot(along, image))
            found = {name: x + far * along[name] for name, x in found.items()}
            rest = {name: r - far * image[name] for name, r in rest.items()}
            before, size = size, _dot(rest, rest)
            turn = _ratio(size, before)
            along = {name: r + turn * along[name] for name, r in rest.items()}
        return found


@dataclass(frozen=True)
class Neumann:
    """The series ``η Σ_{j<k} (I − η A)^j b``, which converges where all eigenvalues of A lie between 0 and 2 / η.

    >>> solve = Neumann(30)
    >>> solve(lambda v: {"a": torch.tensor([0.5, 1.5]) * v["a"]}, {"a": torch.ones(2)})["a"]
    tensor([2.0000, 0.6667])
    """

    steps: int = 5
    scale: float = 1.0

    def __call__(self, product: Product, target: Weights) -> Weights:
        found = {name: torch.zeros_like(b) for name, b in target.items()}
        term = target
        for step in range(self.steps):
            found = {name: x + self.scale * term[name] for name, x in found.items()}
            if step < self.steps - 1:
                image = product(term)
                term = {name: t - self.scale * image[name] for name, t in term.items()}
        return found


def implicit(loss: Callable[[Weights, Any], Tensor], solution: Weights, parameters: Any, *, solver: Solver) -> Weights:
    """``solution``, the minimum of ``loss(·, parameters)``, with its derivative by the parameters.

        ``∂φ* / ∂p = −(∂²L / ∂φ²)⁻¹ ∂²L / ∂φ ∂p``,    at ``∂L / ∂φ = 0``

    The backward pass solves one linear system with the Hessian, by Hessian-vector products at the solution; its memory is
    that of one second derivative, however the solution was found. It is as exact as the solution and the solver are, works
    in a plain loop and under `torch.func.vmap`, and cannot be differentiated again.

    Args:
        loss: a scalar; whatever differs by task or wants a gradient must come to it as one of its two arguments. It is
            computed again in the backward pass, so it must draw no random numbers.
        solution: detached.
        parameters: a tree of tensors; those of a floating type that want a gradient receive one.
        solver: of the linear system.

    >>> p = torch.tensor([3.0], requires_grad=True)
    >>> def loss(found, p):  # the minimum is p / 2
    ...     return (found["x"] ** 2).sum() + ((found["x"] - p) ** 2).sum()
    >>> found = implicit(loss, {"x": p.detach() / 2}, p, solver=ConjugateGradients(1))["x"]
    >>> torch.autograd.grad(found.sum(), p)
    (tensor([0.5000]),)
    """
    leaves, spec = pytree.tree_flatten(parameters)
    # a tensor that vmap maps does not say whether it requires a gradient
    wanted = tuple(leaf.is_floating_point() and (is_mapped() or leaf.requires_grad) for leaf in leaves)
    if not any(wanted):
        return solution
    scene = _Scene(loss, solver, tuple(solution), wanted, spec, is_mapped())
    values = _Implicit.apply(scene, *solution.values(), *leaves)  # type: ignore[no-untyped-call]
    return dict(zip(solution, values, strict=True))


class _Scene(NamedTuple):
    """What of a call to `implicit` is not a tensor."""

    loss: Callable[[Weights, Any], Tensor]
    solver: Solver
    names: tuple[str, ...]
    wanted: tuple[bool, ...]
    spec: Any
    by_vmap: bool

    def value(self, solution: tuple[Tensor, ...], leaves: list[Tensor]) -> Tensor:
        return self.loss(dict(zip(self.names, solution, strict=True)), pytree.tree_unflatten(leaves, self.spec))

    def solve(
        self, product: Callable[[tuple[Tensor, ...]], tuple[Tensor, ...]], target: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        def named(vector: Weights) -> Weights:
            return dict(zip(self.names, product(tuple(vector.values())), strict=True))

        return tuple(self.solver(named, dict(zip(self.names, target, strict=True))).values())


class _Implicit(torch.autograd.Function):
    """The identity on the solution, whose backward pass is the theorem's."""

    generate_vmap_rule = True

    @staticmethod
    def forward(scene: _Scene, *flat: Tensor) -> tuple[Tensor, ...]:
        return tuple(value.clone() for value in flat[: len(scene.names)])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.scene = inputs[0]
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *target: Tensor) -> Any:
        scene, flat = ctx.scene, ctx.saved_tensors
        count = len(scene.names)
        backward = _by_func if scene.by_vmap else _by_autograd
        with plain_attention(), mapped(scene.by_vmap):
            found = iter(backward(scene, flat[:count], list(flat[count:]), target))
        return None, *[None] * count, *[next(found) if wanted else None for wanted in scene.wanted]


def _by_func(scene: _Scene, solution: tuple[Tensor, ...], leaves: list[Tensor], target: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The negative pull-back by all leaves that want a gradient, in `torch.func` transforms."""

    def slope(solution: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        given = iter(wanted)
        mixed = [next(given) if asked else leaf for leaf, asked in zip(leaves, scene.wanted, strict=True)]
        found: tuple[Tensor, ...] = torch.func.grad(scene.value)(solution, mixed)
        return found

    vjp: Any = torch.func.vjp
    wanted = tuple(leaf for leaf, asked in zip(leaves, scene.wanted, strict=True) if asked)
    _, pull = vjp(slope, solution, wanted)
    solved = scene.solve(lambda vector: pull(vector)[0], target)
    return tuple(-g for g in pull(solved)[1])


def _by_autograd(
    scene: _Scene, solution: tuple[Tensor, ...], leaves: list[Tensor], target: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """The same by `torch.autograd.grad`, twice as fast where there is no vmap."""
    with torch.enable_grad():
        point = [value.detach().requires_grad_() for value in solution]
        given = [leaf.detach().requires_grad_(asked) for leaf, asked in zip(leaves, scene.wanted, strict=True)]
        wanted = [leaf for leaf in given if leaf.requires_grad]
        options: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
        slope = torch.autograd.grad(scene.value(tuple(point), given), point, create_graph=True, **options)
    live = [n for n, g in enumerate(slope) if g.requires_grad]

    def pulled(vector: tuple[Tensor, ...], by: list[Tensor], last: bool = False) -> tuple[Tensor, ...]:
        return torch.autograd.grad([slope[n] for n in live], by, [vector[n] for n in live], retain_graph=not last, **options)

    solved = scene.solve(lambda vector: pulled(vector, point), target)
    return tuple(-g for g in pulled(solved, wanted, True))


def _dot(a: Weights, b: Weights) -> Tensor:
    return torch.stack([(a[name] * b[name]).sum() for name in a]).sum()


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """``a / b``, and 0 where nothing is left to divide by."""
    empty = b.abs() < torch.finfo(b.dtype).tiny
    return torch.where(empty, 0.0, a / torch.where(empty, 1.0, b))
