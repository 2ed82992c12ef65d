"""Sums over tasks of numbers computed inside a function that `torch.func.vmap` maps over tasks."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["gather_sum"]


def gather_sum(value: Tensor, add: Callable[[Tensor, int], None]) -> None:
    """Calls ``add(value, 1)``; under vmap ``add(sum over the mapped tasks, number of tasks)``, once. No gradient passes.

    >>> total = torch.zeros(2)
    >>> mapped = torch.func.vmap(lambda x: (gather_sum(x, lambda value, tasks: total.add_(value)), x.sum())[1])
    >>> mapped(torch.tensor([[1.0, 2.0], [3.0, 4.0]])), total
    (tensor([3., 7.]), tensor([4., 6.]))
    """
    _Gather.apply(value.detach(), 1, add)  # type: ignore[no-untyped-call]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(value: Tensor, tasks: int, add: Callable[[Tensor, int], None]) -> Tensor:
        add(value, tasks)
        return value.new_zeros(())

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[None, None, None]:
        return None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, value: Tensor, tasks: int, add: Callable[[Tensor, int], None]) -> tuple[Tensor, None]:
        total = value * info.batch_size if in_dims[0] is None else value.sum(in_dims[0])
        return _Gather.apply(total, tasks * info.batch_size, add), None  # type: ignore[no-untyped-call]
