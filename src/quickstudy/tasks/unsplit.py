"""Tasks evaluated on the examples they learn from: problems of optimization instead of generalisation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Likelihood
from quickstudy.task import Task
from quickstudy.tasks.source import Encoder, Indexed, Plan, TaskSource

__all__ = ["Unsplit"]


class Unsplit(TaskSource[Any]):
    """The tasks of another source with their support sets as query sets: the no-split objective, a training loss.

    Args:
        source: of the tasks; its query sets are left out.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> task = Unsplit(Sinusoid(shots=7)).sample(2)
    >>> task.query.x is task.support.x
    True
    """

    def __init__(self, source: TaskSource[Any]) -> None:
        self.source = source
        self.name = f"{source.name}, unsplit"

    @property
    def likelihood(self) -> Likelihood:
        return self.source.likelihood

    @property
    def reads(self) -> InputKind | None:
        return self.source.reads

    def plan(self, batch: int, generator: torch.Generator | None = None) -> Plan:
        planned: Plan = self.source.plan(batch, generator)
        return planned

    def gather(self, plan: Plan) -> Task:
        support = self.source.gather(plan).support
        return Task(support, support)

    def named_columns(self, plan: Plan) -> tuple[Tensor, Sequence[str]] | None:
        return self.source.named_columns(plan)

    def rows(self, plan: Plan) -> Sequence[tuple[Indexed, Tensor]]:
        return self.source.rows(plan)

    def encoded(self, plan: Plan, encoder: Encoder) -> Task:
        support = self.source.encoded(plan, encoder).support
        return Task(support, support)

    def at(self, step: int) -> "Unsplit":
        now = self.source.at(step)
        return self if now is self.source else Unsplit(now)

    def observe(self, plan: Plan, losses: Tensor) -> None:
        self.source.observe(plan, losses)

    def state_dict(self) -> dict[str, Any]:
        return self.source.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.source.load_state_dict(state)

    def digest(self, plan: Plan) -> str:
        return f"unsplit-{self.source.digest(plan)}"
