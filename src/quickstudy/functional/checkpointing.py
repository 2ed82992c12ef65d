"""Inner steps whose intermediate tensors are computed twice instead of kept: memory grows with the root of their number.

Source: Chen, Xu, Zhang & Guestrin, 2016, Training deep nets with sublinear memory cost. `torch.utils.checkpoint` gives the same
numbers, but a gradient inside of its function makes it compute that function again, a quadratic cost in the steps of a segment.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import ReferenceType, ref

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from quickstudy.errors import LearnerError
from quickstudy.functional.trajectory import walk
from quickstudy.functional.tree import leaves, map_leaves

__all__ = ["checkpointed", "checkpointing", "repeated"]

Carry = TypeVar("Carry")

_on: ContextVar[bool] = ContextVar("checkpointing", default=False)


@contextmanager
def checkpointing(on: bool = True) -> Iterator[None]:
    """Sets whether `repeated` saves memory in the code inside."""
    token = _on.set(on)
    try:
        yield
    finally:
        _on.reset(token)


def repeated(step: Callable[[Carry], Carry], carry: Carry, steps: int) -> Carry:
    """``step`` applied ``steps`` times: the loop of every inner loop.

    Within `checkpointing` its graph is kept in about √steps segments: only what is carried from one to the next stays in
    memory, and their steps are computed again when the backward pass gets there. The numbers are the same.

    Args:
        step: from what is carried (a tree of tensors) to the same after one step; it may use other tensors, and random
            numbers, but must change nothing outside.
        carry: at the start.
        steps: how many.

    >>> with checkpointing():
    ...     repeated(lambda x: x * 2, torch.ones(1, requires_grad=True), 9)
    tensor([512.], grad_fn=<MulBackward0>)
    """
    if (looked_at := walk()) is not None:
        return looked_at.go(step, carry, steps)
    if not (_on.get() and torch.is_grad_enabled()):
        return _run(step, carry, steps)
    size = math.isqrt(max(steps - 1, 0)) + 1
    for done in range(0, steps, size):
        count = min(size, steps - done)
        carry = checkpointed(lambda carry, count=count: _run(step, carry, count), carry)  # type: ignore[misc]
    return carry


def _run(step: Callable[[Carry], Carry], carry: Carry, steps: int) -> Carry:
    for _ in range(steps):
        carry = step(carry)
    return carry


def checkpointed(fn: Callable[[Carry], Carry], given: Carry) -> Carry:
    """``fn(given)``, of whose graph no tensor stays in memory; the backward pass computes ``fn`` a second time.

    Unlike `torch.utils.checkpoint` it keeps them until ``fn`` is done, so that gradients inside of ``fn`` cost nothing more.

    >>> x = torch.ones(1, requires_grad=True)
    >>> torch.autograd.grad(checkpointed(lambda x: x.exp().exp(), x), x)
    (tensor([41.1936]),)
    """
    segment = _Segment(fn, given)
    with saved_tensors_hooks(segment.pack, segment.unpack):
        result = fn(given)
    segment.drop()
    return result


class _Slot:
    """The slot of one tensor that the graph of a segment needs in its backward pass."""

    __slots__ = ("__weakref__", "tensor")

    def __init__(self, tensor: Tensor | None) -> None:
        self.tensor = tensor


class _Segment:
    """A function with what it was given, and the places of the tensors that its graph needs.

    The graph alone holds the places, so a tensor is free as soon as the backward pass has used it.
    """

    def __init__(self, fn: Callable[[Any], Any], given: Any) -> None:
        self.fn = fn
        self.given = map_leaves(_cut, given)
        self.places: list[ReferenceType[_Slot]] = []
        tensors = [leaf for leaf in leaves(given) if isinstance(leaf, Tensor)]
        self.devices = sorted({t.device.index or 0 for t in tensors if t.device.type == "cuda"})
        self.random = [torch.get_rng_state(), *[torch.cuda.get_rng_state(device) for device in self.devices]]

    def pack(self, tensor: Tensor) -> _Slot:
        slot = _Slot(tensor.detach())
        self.places.append(ref(slot))
        return slot

    def drop(self) -> None:
        for place in self.places:
            if (slot := place()) is not None:
                slot.tensor = None

    def unpack(self, slot: _Slot) -> Tensor:
        if slot.tensor is None:
            self._compute_again()
        if slot.tensor is None:
            raise LearnerError(
                "an inner step computed different tensors the second time, so it cannot be checkpointed. "
                "Make it depend on its inputs alone, or train without checkpoint."
            )
        return slot.tensor

    def _compute_again(self) -> None:
        waiting = iter(self.places)

        def fill(tensor: Tensor) -> Tensor:
            place = next(waiting, None)
            slot = place() if place is not None else None
            if slot is not None and slot.tensor is None:
                slot.tensor = tensor.detach()
            return tensor.detach()

        with torch.enable_grad(), torch.random.fork_rng(self.devices), saved_tensors_hooks(fill, _as_it_is):
            torch.set_rng_state(self.random[0])
            for device, state in zip(self.devices, self.random[1:], strict=True):
                torch.cuda.set_rng_state(state, device)
            self.fn(self.given)


def _cut(leaf: Any) -> Any:
    """The same values without the graph that led to them."""
    return leaf.detach().requires_grad_(leaf.requires_grad) if isinstance(leaf, Tensor) else leaf


def _as_it_is(tensor: Tensor) -> Tensor:
    return tensor
