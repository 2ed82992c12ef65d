"""The inner loop: gradients of a loss by named weights, and descent along them, itself differentiable.

Under `torch.func.vmap` only `torch.func.grad` works, in a plain loop `torch.autograd.grad` is twice as fast; `gradient`
asks `mapping()` which of the two it stands in. Gradient descent follows ``θ_{t+1} = θ_t − α ∇L(θ_t)``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.attention import plain_attention
from quickstudy.functional.checkpointing import checkpointing, repeated
from quickstudy.functional.trajectory import note_gradient

__all__ = [
    "SGD",
    "Adam",
    "Preconditioned",
    "Rule",
    "Weights",
    "constant_gradients",
    "descend",
    "gradient",
    "gradient_and_value",
    "is_exporting",
    "is_inner",
    "is_mapped",
    "mapped",
]

Weights = dict[str, Tensor]
"""Named weights of a network, as `torch.func.functional_call` takes them."""

_mapped: ContextVar[bool] = ContextVar("mapped", default=False)
_inner: ContextVar[bool] = ContextVar("inner", default=False)
_constant: ContextVar[bool] = ContextVar("constant", default=False)


@contextmanager
def mapped(by_vmap: bool) -> Iterator[None]:
    """Sets whether `gradient` runs under `torch.func.vmap` in the code inside."""
    token = _mapped.set(by_vmap)
    try:
        yield
    finally:
        _mapped.reset(token)


def is_mapped() -> bool:
    """Whether the code runs under `torch.func.vmap`, as set by `mapped`."""
    return _mapped.get()


def is_exporting() -> bool:
    """Whether `torch.export` reads the code: sizes are symbols and numbers are not there, so nothing may branch on either."""
    exporting: bool = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)()
    return exporting


@contextmanager
def constant_gradients(on: bool = True) -> Iterator[None]:
    """Makes every inner gradient taken inside a constant for the outer one, as ``first_order=True`` does.

    >>> a = torch.tensor([2.0], requires_grad=True)
    >>> with constant_gradients():
    ...     gradient(lambda w: (w["a"] ** 3).sum(), {"a": a})["a"].requires_grad
    False
    """
    token = _constant.set(on or _constant.get())
    try:
        yield
    finally:
        _constant.reset(token)


def is_inner() -> bool:
    """Whether the code runs inside a loss whose `gradient` is being taken: in an inner step."""
    return _inner.get()


@contextmanager
def _inner_step() -> Iterator[None]:
    token = _inner.set(True)
    try:
        yield
    finally:
        _inner.reset(token)


def gradient(loss: Callable[[Weights], Tensor], weights: Weights, *, first_order: bool = False) -> Weights:
    """``∇L`` at ``weights``, differentiable again unless ``first_order`` or gradients are off.

    Args:
        loss: a function of the weights, returning a scalar.
        weights: where to differentiate, each apart from the others even where one was computed from another; a weight
            the loss does not use gets zeros.
        first_order: cut the gradient from the graph, so that an outer gradient sees it as a constant.

    >>> gradient(lambda w: (w["a"] ** 3).sum(), {"a": torch.tensor([2.0])})["a"].detach()
    tensor([12.])
    """
    return gradient_and_value(loss, weights, first_order=first_order)[0]


def gradient_and_value(
    loss: Callable[[Weights], Tensor], weights: Weights, *, first_order: bool = False
) -> tuple[Weights, Tensor]:
    """``∇L`` and ``L`` at ``weights`` by one evaluation of the loss; with ``first_order`` both are constants.

    >>> gradient_and_value(lambda w: (w["a"] ** 3).sum(), {"a": torch.tensor([2.0])}, first_order=True)
    ({'a': tensor([12.])}, tensor(8.))
    """
    first_order = first_order or _constant.get()
    if _mapped.get():
        start = {name: w.detach() for name, w in weights.items()} if first_order else weights
        with plain_attention(), _inner_step():
            found, value = torch.func.grad_and_value(loss)(start)
        note_gradient(found)
        return ({name: g.detach() for name, g in found.items()}, value.detach()) if first_order else (found, value)
    again = torch.is_grad_enabled() and not first_order
    with torch.enable_grad(), plain_attention(needed=again), _inner_step():
        leaves = {n: w.view_as(w) if again and w.requires_grad else w.detach().requires_grad_() for n, w in weights.items()}
        value = loss(leaves)
        slopes = torch.autograd.grad(value, list(leaves.values()), create_graph=again, allow_unused=True, materialize_grads=True)
    found = dict(zip(leaves, slopes, strict=True))
    note_gradient(found)
    return found, value if again else value.detach()


class Rule(Protocol):
    """A descent rule as a pure function: what to subtract, given gradients and what was remembered."""

    def init(self, weights: Weights) -> Any: ...

    def __call__(self, grads: Weights, memory: Any) -> tuple[Weights, Any]: ...


@dataclass(frozen=True)
class SGD:
    """Plain gradient descent, ``θ − lr · g``."""

    lr: float = 0.1

    def init(self, weights: Weights) -> None:
        return None

    def __call__(self, grads: Weights, memory: None) -> tuple[Weights, None]:
        return {name: self.lr * g for name, g in grads.items()}, None


@dataclass(frozen=True)
class Preconditioned:
    """Descent without memory along a function of the gradient, ``θ − P(g)``; P may hold meta-learned tensors.

    >>> rule = Preconditioned(lambda grads: {name: g.sign() for name, g in grads.items()})
    >>> descend(lambda w: (w["a"] ** 2).sum(), {"a": torch.tensor([3.0])}, rule=rule, steps=2)["a"].detach()
    tensor([1.])
    """

    by: Callable[[Weights], Weights]

    def init(self, weights: Weights) -> None:
        return None

    def __call__(self, grads: Weights, memory: None) -> tuple[Weights, None]:
        return self.by(grads), None


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba, 2015, Adam: a method for stochastic optimization) with the usual bias correction."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def init(self, weights: Weights) -> tuple[int, Weights, Weights]:
        zeros = {name: torch.zeros_like(w) for name, w in weights.items()}
        return 0, zeros, zeros

    def __call__(self, grads: Weights, memory: tuple[int, Weights, Weights]) -> tuple[Weights, tuple[int, Weights, Weights]]:
        (b1, b2), (count, first, second) = self.betas, memory
        count = count + 1  # it may be a tensor that somebody keeps
        first = {name: b1 * first[name] + (1 - b1) * g for name, g in grads.items()}
        second = {name: b2 * second[name] + (1 - b2) * g * g for name, g in grads.items()}
        rate = self.lr / (1 - b1**count)
        # the root of an exact zero has no derivative: 1e-30 keeps outer gradients finite where an inner one is zero
        step = {n: rate * first[n] / ((second[n] / (1 - b2**count) + 1e-30).sqrt() + self.eps) for n in grads}
        return step, (count, first, second)


def descend(loss: Callable[[Weights], Tensor], weights: Weights, *, rule: Rule, steps: int, first_order: bool = False) -> Weights:
    """``steps`` steps of ``rule`` on ``loss``, starting from ``weights``, which stay as they are.

    Within `quickstudy.functional.checkpointing` memory grows with the root of the steps.

    Raises:
        LearnerError: steps without any weights.

    >>> descend(lambda w: (w["a"] ** 2).sum(), {"a": torch.tensor([1.0])}, rule=SGD(0.25), steps=2)["a"].detach()
    tensor([0.2500])
    """
    if steps and not weights:
        raise LearnerError("no weight of the network requires a gradient, so none can adapt. Call requires_grad_(True) on it.")

    def step(carry: tuple[Weights, Any]) -> tuple[Weights, Any]:
        weights, memory = carry
        change, memory = rule(gradient(loss, weights, first_order=first_order), memory)
        return {name: w - change[name] for name, w in weights.items()}, memory

    with checkpointing(False) if first_order else nullcontext():  # nothing to spare
        return repeated(step, (weights, rule.init(weights)), steps)[0]
