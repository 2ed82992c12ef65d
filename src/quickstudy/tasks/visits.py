"""Users and the items they took, without ratings: some are known, and which others they took is to be predicted."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Gaussian
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["VisitPlan", "Visits"]


@dataclass(frozen=True)
class VisitPlan(Plan):
    """The user of each task (B,), and the items that are known (B, S)."""

    user: Tensor
    known: Tensor


class Visits(TaskSource[VisitPlan]):
    """A task is a user: ``shots`` of the items taken are the support set (targets 1), all other items are queries (1 or 0).

    An item is a one-hot row. So metrics of a ranking, `recall_10` and `ndcg_10`, are of all items that the user might take next.

    Args:
        taken: which items each user took, (U, I) of 0 and 1.
        shots: S, how many are known.
        left: users with fewer others are left out.
        columns: of a one-hot row; more than I where there is a column for unknown items.
        name: of the data.
        reads: how an item's name becomes a row.

    Raises:
        TaskError: no user has so many.

    >>> source = Visits(torch.tensor([[1, 1, 1, 0], [1, 0, 1, 1]]), shots=1)
    >>> task = source.sample(3)
    >>> task.support.x.shape, task.query.y[..., 0].sum(1).tolist()
    (torch.Size([3, 1, 4]), [2.0, 2.0, 2.0])
    """

    likelihood = Gaussian()

    def __init__(
        self,
        taken: Tensor,
        shots: int,
        *,
        left: int = 1,
        columns: int | None = None,
        name: str = "visits",
        reads: InputKind | None = None,
    ) -> None:
        whole(TaskError, shots=shots, left=left)
        self.taken, self.shots, self.columns, self.kind = taken.bool(), shots, columns or taken.shape[1], reads
        self._users = (self.taken.sum(1) >= shots + left).nonzero()[:, 0]
        if not len(self._users):
            raise TaskError(f"no user of {name} took {shots + left} items. Lower shots or left.")
        self.name = f"{name}, {shots} known, {left} or more left"

    @property
    def reads(self) -> InputKind | None:
        return self.kind

    def __len__(self) -> int:
        """How many users there are."""
        return len(self._users)

    def plan(self, batch: int, generator: torch.Generator | None = None) -> VisitPlan:
        return self._planned(self._users[torch.randint(len(self._users), (batch,), generator=generator)], generator)

    def each(self, generator: torch.Generator | None = None, draws: int = 1) -> VisitPlan:
        """Every user once, or so many times, with other known items each time."""
        return self._planned(self._users.repeat(draws), generator)

    def _planned(self, users: Tensor, generator: torch.Generator | None) -> VisitPlan:
        order = torch.rand(len(users), self.taken.shape[1], generator=generator) + self.taken[users]
        return VisitPlan(users, order.topk(self.shots, 1).indices)

    def gather(self, plan: VisitPlan) -> Task:
        items = self.taken.shape[1]
        rest = torch.ones(len(plan), items).scatter_(1, plan.known, 0.0)
        others = rest.topk(items - self.shots, 1).indices.sort(1).values
        support, query = (torch.nn.functional.one_hot(rows, self.columns).float() for rows in (plan.known, others))
        y = self.taken[plan.user].float().gather(1, others)[..., None]
        known = Examples(support, torch.ones_like(support[..., :1]), torch.ones_like(support[..., 0]))
        return Task(known, Examples(query, y, torch.ones_like(y[..., 0])))

    def digest(self, plan: VisitPlan) -> str:
        taken = hashlib.sha256(self.taken[plan.user].numpy().tobytes()).hexdigest()
        return hashlib.sha256(f"{super().digest(plan)}{taken}".encode()).hexdigest()[:16]
