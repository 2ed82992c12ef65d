"""Tasks that are worlds: a support set is what a learner met there by acting, and the score is what its last action brought.

A world is a pure function on batched tensors: ``reset`` makes its states, ``step`` takes states and actions and gives new states
and what was seen; what a task hides stands in the state.
"""

from abc import abstractmethod
from typing import ClassVar, Protocol

from torch import Tensor

from quickstudy.task import Examples, Task
from quickstudy.tasks.source import PlanT, TaskSource

__all__ = ["Act", "Interactive"]


class Act(Protocol):
    """What acts: a learner, or any other method, that answers for many tasks at once."""

    def __call__(self, support: Examples, x: Tensor, *, last: bool = False) -> Tensor:
        """Outputs (B, C, P) for possible actions (B, C, D), after what was met (B, S); ``last``: the action that counts."""


class Interactive(TaskSource[PlanT]):
    """A source whose support sets are tries: those of the learner as it is, or of what is evaluated.

    `train` calls ``gather(plan, act)`` with the learner as it is: the batch of step t is a function of (seed, t) and of the
    weights at t, so a run that was stopped still resumes bit for bit. `evaluate` calls `interact`, and reports its scores.
    """

    metric: ClassVar[str] = "success"
    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def gather(self, plan: PlanT, act: Act | None = None) -> Task:
        """The planned tasks; without ``act`` their tries are random."""

    @abstractmethod
    def interact(self, plan: PlanT, act: Act) -> tuple[Tensor, Examples]:
        """The score of each planned task (B,), and what was met on the way, (B, S)."""
