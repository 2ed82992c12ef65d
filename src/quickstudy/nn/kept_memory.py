"""What a descent rule remembers, kept from one task to the next: Adam's moments, for example."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from quickstudy.functional.gathering import gather_sum
from quickstudy.functional.unroll import Rule, Weights

__all__ = ["KeptMemory"]


class KeptMemory(nn.Module):
    """A descent rule that starts each task with what it remembered at the end of the last outer step, itself a `Rule`.

    The tasks of an outer step all start from the same memory, whether they are mapped or looped; what they end with is first
    gathered, then `fold` keeps the mean over tasks. The memory is one buffer, so that a run resumes with it.

    Args:
        rule: any whose memory is a tree of tensors and counts.
        weights: of the shapes that the rule will descend.

    >>> from quickstudy.functional.unroll import Adam
    >>> weights = {"w": torch.zeros(2)}
    >>> kept = KeptMemory(Adam(betas=(0.5, 0.999)), weights)
    >>> _, memory = kept({"w": torch.ones(2)}, kept.init(weights))
    >>> kept.gather(memory)
    >>> kept.fold()
    >>> count, first, _ = kept.init(weights)
    >>> count, first["w"]
    (tensor(1.), tensor([0.5000, 0.5000]))
    """

    memory: Tensor
    total: Tensor
    tasks: Tensor

    def __init__(self, rule: Rule, weights: Weights) -> None:
        super().__init__()
        self.rule = rule
        example = next(iter(weights.values()), torch.zeros(())).detach()
        flat = _flat(rule.init({name: weight.detach() for name, weight in weights.items()}), example)
        self.register_buffer("memory", flat)
        self.register_buffer("total", torch.zeros_like(flat), persistent=False)
        self.register_buffer("tasks", flat.new_zeros(()), persistent=False)

    def init(self, weights: Weights) -> Any:
        """The memory as it was kept."""
        parts, tree = pytree.tree_flatten(self.rule.init(weights))
        sizes = [torch.as_tensor(part).shape if _is_number(part) else None for part in parts]
        pieces = iter(self.memory.split_with_sizes([size.numel() for size in sizes if size is not None]))
        kept = [part if size is None else next(pieces).view(size) for part, size in zip(parts, sizes, strict=True)]
        return pytree.tree_unflatten(kept, tree)

    def forward(self, grads: Weights, memory: Any) -> tuple[Weights, Any]:
        return self.rule(grads, memory)

    def gather(self, memory: Any) -> None:
        """Adds what one task ended with."""

        def add(value: Tensor, tasks: int) -> None:
            self.total += value
            self.tasks += tasks

        gather_sum(_flat(memory, self.memory), add)

    def fold(self) -> None:
        """Keeps the mean of what was gathered, if anything was, and forgets the rest."""
        self.memory.copy_(torch.where(self.tasks > 0, self.total / self.tasks.clamp(min=1), self.memory))
        self.total.zero_()
        self.tasks.zero_()


def _is_number(part: Any) -> bool:
    return isinstance(part, Tensor | int | float)


def _flat(memory: Any, like: Tensor) -> Tensor:
    parts = [part for part in pytree.tree_leaves(memory) if _is_number(part)]
    if not parts:
        return like.new_zeros(0)
    return torch.cat([torch.as_tensor(part, dtype=like.dtype, device=like.device).reshape(-1) for part in parts])
