"""States of an inner loop between its steps, in one pass over the steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

__all__ = ["Snapshot", "Walk", "marks", "note_gradient", "trajectory", "walk"]

State = TypeVar("State")
Carry = TypeVar("Carry")


class Snapshot(NamedTuple, Generic[State]):
    """The state after some inner steps.

    Args:
        steps: taken so far; 0 before adaptation.
        state: as `adapt` would return it if the inner loop ended here.
        gradient_norm: of the gradient that the last of these steps took, a scalar; none before the first, and none where the
            loop takes no gradients.
    """

    steps: int
    state: State
    gradient_norm: Tensor | None


def trajectory(adapt: Callable[[], State]) -> Iterator[Snapshot[State]]:
    """States of ``adapt`` before its first inner step and after some others, always the last.

    `functional.checkpointing.repeated`, the loop of every inner loop, stops where it is stopped and goes on from there at the
    next call, so that no step is taken twice and one state is held at a time. Looked at are 0, 1, 2, 5, 10, 20, 50, … steps;
    all of them where there are ten or fewer.

    Args:
        adapt: without arguments; pure, it is called once for each snapshot. Where it has no inner loop there is one, of 0
            steps, which is what it returns.

    >>> from quickstudy.functional.unroll import SGD, descend
    >>> loop = lambda: descend(lambda w: (w["a"] ** 2).sum(), {"a": torch.tensor([1.0])}, rule=SGD(0.25), steps=2)
    >>> for snapshot in trajectory(loop):
    ...     print(snapshot.steps, snapshot.state["a"].detach(), snapshot.gradient_norm)
    0 tensor([1.]) None
    1 tensor([0.5000]) tensor(2.)
    2 tensor([0.2500]) tensor(1.)
    """
    here = Walk()
    yield Snapshot(0, *here.to(0, adapt))
    for steps in marks(here.steps):
        yield Snapshot(steps, *here.to(steps, adapt))


def marks(steps: int) -> list[int]:
    """The numbers of inner steps, out of ``steps``, after which a snapshot is taken.

    >>> marks(3), marks(60)
    ([1, 2, 3], [1, 2, 5, 10, 20, 50, 60])
    """
    if steps <= 10:
        return list(range(1, steps + 1))
    series = [digit * 10**power for power in range(len(str(steps))) for digit in (1, 2, 5)]
    return [*(n for n in series if n < steps), steps]


class Walk:
    """How far the loops inside an adaptation have come; loops one after another count as one."""

    def __init__(self) -> None:
        self.until = 0
        self.lengths: list[int] = []
        self.kept: list[tuple[int, Any]] = []
        self.norm: Tensor | None = None

    @property
    def steps(self) -> int:
        """Of all loops together, known after the first call."""
        return sum(self.lengths)

    def to(self, until: int, adapt: Callable[[], State]) -> tuple[State, Tensor | None]:
        """What ``adapt`` returns if its loops end after ``until`` steps, and the norm of the last gradient."""
        self.until, self.seen = until, 0
        token = _walk.set(self)
        try:
            return adapt(), self.norm
        finally:
            _walk.reset(token)

    def go(self, step: Callable[[Carry], Carry], carry: Carry, steps: int) -> Carry:
        """A loop of ``steps`` steps, from where it stands to where the walk is to end."""
        number, self.seen = self.seen, self.seen + 1
        if number == len(self.kept):
            self.lengths.append(steps)
            self.kept.append((0, None))
        wanted = min(max(self.until - sum(self.lengths[:number]), 0), steps)
        done, reached = self.kept[number]
        carry = reached if done else carry
        token = _walk.set(None)  # a loop within a step is part of it
        try:
            for _ in range(done, wanted):
                with _listening() as heard:
                    carry = step(carry)
                self.norm = heard[0] if heard else None
        finally:
            _walk.reset(token)
        self.kept[number] = wanted, carry
        return carry


def walk() -> Walk | None:
    """The walk that limits a loop; without one it runs to its end."""
    return _walk.get()


def note_gradient(gradient: dict[str, Tensor]) -> None:
    """Records the gradient of an inner step for those who watch the loop."""
    heard = _heard.get()
    if heard is not None and not heard:
        heard.append(torch.stack([(g.detach() ** 2).sum() for g in gradient.values()]).sum().sqrt())


@contextmanager
def _listening() -> Iterator[list[Tensor]]:
    """The norm of the first gradient of the code inside."""
    heard: list[Tensor] = []
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


_walk: ContextVar[Walk | None] = ContextVar("walk", default=None)
_heard: ContextVar[list[Tensor] | None] = ContextVar("heard", default=None)
