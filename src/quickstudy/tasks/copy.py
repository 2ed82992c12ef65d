"""The copy task of Graves, Wayne & Danihelka, 2014, Neural Turing machines: repeat a sequence that was shown once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.likelihood import Bernoulli
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["Copy", "CopyPlan"]


@dataclass(frozen=True)
class CopyPlan(Plan):
    """Random sequences (B, T, bits) of zeros and ones."""

    bits: Tensor


class Copy(TaskSource[CopyPlan]):
    """A sequence of random bits as the targets of the support set, and again as the targets of the queries, in the same order.

    Inputs are empty, of shape (T, 0): only the position of a query determines its target. With a range of lengths, all
    tasks that are planned together have one length, drawn for them, so that nothing is padded.

    Args:
        length: T, or a range ``(low, high)``.
        bits: of each step.

    Raises:
        TaskError: a length or a number of bits below 1.

    Guessing costs ``T · bits`` bits a sequence, remembering costs 0.

    >>> task = Copy(length=3).sample(2)
    >>> task.support.x.shape, task.support.y.shape, bool((task.query.y == task.support.y).all())
    (torch.Size([2, 3, 0]), torch.Size([2, 3, 8]), True)
    """

    likelihood = Bernoulli()

    def __init__(self, length: int | tuple[int, int] = 20, bits: int = 8) -> None:
        low, high = (length, length) if isinstance(length, int) else length
        if not 1 <= low <= high or bits < 1:
            raise TaskError(f"length={length} and bits={bits} must be 1 or more, and a range of lengths must be (low, high).")
        self.low, self.high, self.bits = low, high, bits
        self.name = f"copy of {low if low == high else f'{low}..{high}'} steps of {bits} bits"

    def plan(self, batch: int, generator: torch.Generator | None = None) -> CopyPlan:
        length = int(torch.randint(self.low, self.high + 1, (), generator=generator))
        return CopyPlan(torch.randint(0, 2, (batch, length, self.bits), generator=generator, dtype=torch.uint8))

    def gather(self, plan: CopyPlan) -> Task:
        y = plan.bits.to(torch.get_default_dtype())
        shown = Examples(y[..., :0], y, y.new_ones(y.shape[:2]))
        return Task(shown, shown)
