"""People who choose between two things a robot could do: habits, weights of their own, and an ideal that is not stated.

Source: Bradley & Terry, 1952, Rank analysis of incomplete block designs (how a choice follows from utilities); Sadigh, Dragan,
Sastry & Seshia, 2017, Active preference-based learning of reward functions (choices between a robot's trajectories).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError
from quickstudy.functional.binary import Binary
from quickstudy.inputs.column import Column
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.kind import InputKind
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["TRAITS", "SimulatedUsers", "UserPlan"]

TRAITS = ("speed", "distance", "height", "smoothness", "noise", "time")
"""What describes a trajectory: standard normal numbers."""

_HABITS = ((1.5, 0.3, 0.0, 0.5, -0.3, -1.5), (-1.2, 1.8, 0.4, 1.0, -0.6, 0.2), (0.2, -0.8, 1.5, -0.2, -1.5, -0.6))
_OWN = 0.5
_IDEAL, _OWN_IDEAL = 0.8, 0.7
_COMFORT = 2.5
_CARE = 2.0


@dataclass(frozen=True)
class UserPlan(Plan):
    """Weights (B, 6) and ideals (B, 2) of users, pairs of trajectories (B, S + Q, 2, 6), luck (B, S + Q), choices known (B,)."""

    weight: Tensor
    ideal: Tensor
    pairs: Tensor
    luck: Tensor
    shots: Tensor


class SimulatedUsers(TaskSource[UserPlan]):
    """A task is a user: some choices between two trajectories are known, others are to be predicted.

        ``u(φ) = w · φ + 2.5 Σ_{speed, distance} exp(−(φ_i − g_i)² / 2)``,    ``p(a is chosen) = σ(2 (u(a) − u(b)))``

    A user has one of three habits (in a hurry; cautious; careful of what stands around), each a mean of w and of the ideal speed
    and distance g; to both comes a normal share of the user's own, of deviation 0.5 and 0.7. Comfort near the ideal saturates:
    far too fast is hardly worse than much too fast. A row is a pair (a, b), 12 numbers; its target is 1 where a was chosen.

    Args:
        shots: choices that are known; of a pair (least, most) each number is drawn equally often, and the rest is padding.
        queries: choices that are to be predicted.

    Raises:
        TaskError: numbers below 1, or least above most.

    >>> users = SimulatedUsers(3, 10)
    >>> task = users.sample(4, torch.Generator().manual_seed(0))
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([4, 3, 12]), torch.Size([4, 10, 1]))
    """

    likelihood = Binary()

    def __init__(self, shots: int | tuple[int, int] = 5, queries: int = 50) -> None:
        least, most = (shots, shots) if isinstance(shots, int) else shots
        whole(TaskError, shots=least, queries=queries)
        if most < least:
            raise TaskError(f"shots=({least}, {most}): the least is above the most. Give them in order.")
        self.least, self.most, self.queries = least, most, queries
        self.name = f"simulated users, {least if least == most else f'{least} to {most}'} choices, {queries} queries"

    @property
    def reads(self) -> InputKind:
        return Columns(tuple(Column(f"{side}_{trait}") for side in "ab" for trait in TRAITS))

    def plan(self, batch: int, generator: torch.Generator | None = None) -> UserPlan:
        habit = torch.randint(len(_HABITS), (batch,), generator=generator)
        weight = torch.tensor(_HABITS)[habit] + _OWN * torch.randn(batch, len(TRAITS), generator=generator)
        usual = _IDEAL * torch.stack([habit - 1.0, 1.0 - habit], 1)
        ideal = usual + _OWN_IDEAL * torch.randn(batch, 2, generator=generator)
        rows = self.most + self.queries
        pairs = torch.randn(batch, rows, 2, len(TRAITS), generator=generator)
        luck = torch.rand(batch, rows, generator=generator)
        shots = torch.randint(self.least, self.most + 1, (batch,), generator=generator)
        return UserPlan(weight, ideal, pairs, luck, shots)

    def gather(self, plan: UserPlan) -> Task:
        better = _CARE * self.preferred(plan)
        y = (plan.luck < better.sigmoid()).to(better.dtype)[..., None]
        x = plan.pairs.flatten(2)
        known = slice(None, self.most), slice(self.most, None)
        real = (torch.arange(self.most) < plan.shots[:, None]).to(x.dtype)
        support = Examples(x[:, known[0]], y[:, known[0]] * real[..., None], real)
        return Task(support, Examples(x[:, known[1]], y[:, known[1]], torch.ones_like(plan.luck[:, known[1]])))

    @staticmethod
    def preferred(plan: UserPlan) -> Tensor:
        """``u(a) − u(b)`` of each pair (B, S + Q): hidden from learners, for tests and for the ceiling of a table."""
        linear = (plan.pairs * plan.weight[:, None, None]).sum(-1)
        away = plan.pairs[..., :2] - plan.ideal[:, None, None]
        utility = linear + _COMFORT * torch.exp(-away.square() / 2).sum(-1)
        return utility[..., 0] - utility[..., 1]
