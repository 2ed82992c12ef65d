"""Several processes, one run: each takes its share of a step's tasks, and their gradients meet once a step.

The processes are those of a Lightning Fabric, which starts them, or finds those that torchrun or SLURM started.
"""

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer

from quickstudy.errors import Argument, LearnerError, RunError, TaskError
from quickstudy.learner import Learner
from quickstudy.tasks.source import Plan, generator_of

__all__ = ["Fabric", "Processes"]

Told = TypeVar("Told")
PlanT = TypeVar("PlanT", bound=Plan)

_PRECISIONS = ("32-true", "bf16-mixed")


class Fabric(Protocol):
    """The part of a launched ``lightning_fabric.Fabric`` that is used."""

    @property
    def global_rank(self) -> int: ...

    @property
    def world_size(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def strategy(self) -> Any: ...

    def all_reduce(self, data: Tensor, group: Any = None, reduce_op: Any = "mean") -> Any: ...

    def broadcast(self, obj: Told, src: int = 0) -> Told: ...

    def autocast(self) -> AbstractContextManager[Any]: ...

    def to_device(self, obj: Any) -> Any: ...


class Processes:
    """The processes of a run; without a fabric there is one, which does everything itself.

    Args:
        fabric: launched; its precision must be "32-true" or "bf16-mixed" (the encoder alone computes in bfloat16).

    Raises:
        LearnerError: another precision.

    >>> alone = Processes(None)
    >>> alone.rank, alone.count, alone.share(5)
    (0, 1, slice(0, 5, None))
    """

    def __init__(self, fabric: Fabric | None) -> None:
        self.fabric = fabric
        self.rank = fabric.global_rank if fabric is not None else 0
        self.count = fabric.world_size if fabric is not None else 1
        precision = fabric.strategy.precision.precision if fabric is not None else _PRECISIONS[0]
        if precision not in _PRECISIONS:
            raise LearnerError(
                f"precision {precision!r} is not supported: inner loops compute in float32, and losses are not scaled. "
                f"Choose one of {', '.join(_PRECISIONS)}."
            )

    def share(self, tasks: int) -> slice:
        """Which of ``tasks`` tasks are this process's own: shares differ by one task at most.

        Raises:
            TaskError: fewer tasks than processes.
        """
        if tasks < self.count:
            batch = Argument("batch", tasks)
            raise TaskError(batch, f": {self.count} processes need at least one task each. Give {self.count} or more.")
        return slice(tasks * self.rank // self.count, tasks * (self.rank + 1) // self.count)

    def seed(self, common: int) -> int:
        """A seed of this process's own; the first one keeps the common seed."""
        return generator_of(common, self.rank).initial_seed() if self.rank else common

    def autocast(self) -> AbstractContextManager[Any]:
        """The precision of the encoder."""
        return self.fabric.autocast() if self.fabric is not None else nullcontext()

    def begin(self, learner: Learner[Any], optimizer: Optimizer) -> None:
        """Moves both to this process's device, with the first process's weights."""
        if self.fabric is None:
            return
        self.fabric.to_device(learner)
        optimizer.load_state_dict(optimizer.state_dict())  # which puts its tensors beside their weights
        if self.count > 1:
            first = self.tell([tensor.detach().cpu() for tensor in _tensors(learner)])
            with torch.no_grad():
                for mine, theirs in zip(_tensors(learner), first, strict=True):
                    mine.copy_(theirs)

    def combine(self, learner: Learner[Any], before: Iterable[Tensor], losses: Tensor, mine: slice, batch: int) -> Tensor:
        """The losses of all tasks (B,); gradients in ``.grad`` and changes of buffers become those of all tasks, too.

        One collective carries everything: each process's losses, and the sum of what else the processes found, weighted with
        their shares of tasks.

        Args:
            learner: with the gradients of this process's tasks.
            before: its buffers before the step.
            losses: of this process's tasks.
            mine: which of all tasks these are.
            batch: tasks in all.

        Raises:
            RunError: another process has ended.
        """
        if self.fabric is None or self.count == 1:
            return losses.detach()
        weights = [p for p in learner.parameters() if p.requires_grad]
        moving = [(b, old) for b, old in zip(learner.buffers(), before, strict=True) if b.is_floating_point()]
        used = torch.tensor([float(p.grad is not None) for p in weights], device=losses.device)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
        every = torch.zeros(batch, dtype=losses.dtype, device=losses.device)
        every[mine] = losses.detach()
        parts = [used, *grads, *[b - old for b, old in moving]]
        weighted = torch.cat([part.reshape(-1) for part in parts]) * (len(losses) / batch)
        flat = self._sum(torch.cat([every, weighted]))
        sums = iter(torch.split(flat, [batch, *[part.numel() for part in parts]]))
        total, anyone = next(sums), next(sums).tolist()
        for weight, summed, use in zip(weights, sums, anyone, strict=False):
            weight.grad = summed.view_as(weight).to(weight.dtype) if use else None
        for (buffer, old), change in zip(moving, sums, strict=True):
            buffer.copy_(old + change.view_as(buffer))
        return total

    def _sum(self, flat: Tensor) -> Tensor:
        assert self.fabric is not None
        try:
            summed: Tensor = self.fabric.all_reduce(flat, reduce_op="sum")
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise _lost(error) from error
        return summed

    def tell(self, thing: Told) -> Told:
        """What the first process has, in every process.

        Raises:
            RunError: another process has ended.
        """
        if self.fabric is None or self.count == 1:
            return thing
        try:
            return self.fabric.broadcast(thing)
        except RuntimeError as error:
            raise _lost(error) from error


def _tensors(learner: Learner[Any]) -> list[Tensor]:
    return [*learner.parameters(), *learner.buffers()]


def _lost(error: RuntimeError) -> RunError:
    reason = re.sub(r"^\[[^]]*\] *", "", str(error).strip()).splitlines()[0]
    return RunError(
        f"another process of this run has ended, so this one ends, too ({reason[:80]}). "
        "A run in a folder goes on from its last checkpoint, in as many processes: quickstudy resume RUN --devices ..."
    )
