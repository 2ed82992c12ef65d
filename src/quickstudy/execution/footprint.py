"""How much memory adapting to one task takes at its peak, counted tensor by tensor, the same on every machine."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from quickstudy.functional.tree import leaves
from quickstudy.learner import Learner, evaluating
from quickstudy.task import Examples

__all__ = ["adaptation_peak", "peak_of"]


def adaptation_peak(learner: Learner[Any], support: Examples) -> int:
    """The most bytes of tensors alive at one moment while ``learner`` encodes and adapts to one raw support set.

    The support set and the learner's own weights were there before and do not count; the state that is made does. Scratch
    space inside of a kernel (a convolution's, usually a tenth) and memory outside of torch (scikit-learn's) are not seen.

    Args:
        learner: any, on any device.
        support: of one task, real rows only.

    >>> from torch import nn
    >>> from quickstudy.learners.optimization.maml import MAML
    >>> support = Examples.of(torch.eye(2), torch.tensor([0, 1]))
    >>> short, long = (MAML(nn.Linear(2, 2), test_steps=steps) for steps in (3, 20))
    >>> adaptation_peak(short, support) == adaptation_peak(long, support)  # at meta-test no graph outlives a step
    True
    """
    with torch.inference_mode(False), torch.no_grad(), evaluating(learner), torch.random.fork_rng():
        return peak_of(lambda: learner.adapt(support.replace(learner.encode(support.x))))


def peak_of(work: Callable[[], Any]) -> int:
    """The most bytes of tensors alive at one moment that ``work`` made.

    >>> peak_of(lambda: torch.ones(10) + torch.ones(10))
    120
    """
    tally = _Tally()
    with tally:
        work()
    return tally.peak


class _Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that operations make, and takes them away when they die."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage().data_ptr() for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage().data_ptr() not in given:
                self._born(leaf.untyped_storage())
        return result

    def _born(self, storage: torch.UntypedStorage) -> None:
        place, size = storage.data_ptr(), storage.nbytes()
        if size and place not in self.alive:
            self.alive[place] = size
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._died, place)

    def _died(self, place: int) -> None:
        self.now -= self.alive.pop(place)
