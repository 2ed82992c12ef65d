"""Finding the way to a goal that is not seen: rounds of tries, each of which learns from those before, then a run that counts."""

import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError
from quickstudy.functional.policy_gradient import PolicyGradient, advantages
from quickstudy.task import Examples, Task
from quickstudy.tasks.interactive import Act, Interactive
from quickstudy.tasks.source import Plan
from quickstudy.tasks.worlds.points import Points, luck_wide, onward, reset, step

__all__ = ["TARGETS", "Navigation", "NavigationPlan"]

TARGETS = ("x", "y", "advantage", "reward", "round")
"""Of a row: the action along both axes, its advantage, what it brought, and in which round it was tried."""

_NOISE, _DRIFT = 0.5, 0.5
_ASKED, _BESIDE, _NEAR = 32, 1.2, 0.1


@dataclass(frozen=True)
class NavigationPlan(Plan):
    """Luck of worlds (B, W), noise of tries (B, R + 1, E, T, 2), and after how many rounds the query comes (B,).

    Of tries by chance: where they drift to (B, R, E, 2); of queries anywhere: uniform and normal numbers of a place (B, Q, 5).
    """

    luck: Tensor
    noise: Tensor
    rounds: Tensor
    drift: Tensor
    asked: Tensor


class Navigation(Interactive[NavigationPlan]):
    """A task is a goal in the plane or in a random maze: after some rounds of tries, how is it reached on the shortest way?

    A point starts in the middle of a square with sides of 1. It sees its place alone; a step is at most 0.1 along each axis; its
    reward is less the way that is left. A row is a place, 2 numbers; its targets are `TARGETS`. A round has several tries: what
    acts, with normal noise of deviation 0.5 (0.05 in the plane) in every step. The score, in an evaluation, is the return of one
    run without noise after all rounds: the sum of its rewards.

    In meta-training the number of rounds before the query is drawn, each from ``least`` on equally often. From outer step
    ``after`` on tries are those of the learner as it is, and the query holds the places of its next tries: with the shortest
    way's action there, of advantage 1 (``shown``), or with what it did, by its advantage. Before, tries drift by chance, which
    takes a tenth of the time, and the query holds places anywhere, half of them near the goal, with the shortest way's action.

    Args:
        rounds: of tries.
        tries: in a round.
        horizon: steps of a run.
        cells: on a side of the maze, an odd number; 0 is the plane without walls.
        shown: whether queries hold the shortest way.
        after: outer step from which on tries are the learner's own; without ``shown`` they always are.
        least: rounds before a query of meta-training.

    Raises:
        TaskError: numbers below 1 (rounds, cells, least: below 0), an even number of cells, or a least above the rounds.

    >>> source = Navigation(rounds=2, tries=3, horizon=5)
    >>> task = source.sample(4, torch.Generator().manual_seed(0))
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([4, 30, 2]), torch.Size([4, 32, 5]))
    """

    likelihood = PolicyGradient(deviation=_NOISE)
    metric = "return"

    def __init__(
        self,
        rounds: int = 3,
        *,
        tries: int = 20,
        horizon: int = 30,
        cells: int = 0,
        shown: bool = True,
        after: int = 0,
        least: int = 0,
    ) -> None:
        whole(TaskError, least=0, rounds=rounds, cells=cells, after=after)
        if not isinstance(least, int) or not 0 <= least <= rounds:
            raise TaskError(f"least={least} must be a whole number from 0 to rounds={rounds}.")
        whole(TaskError, tries=tries, horizon=horizon)
        if cells and cells % 2 == 0:
            raise TaskError(f"cells={cells} is even: no cell is in the middle. Give an odd number, or 0 for the plane.")
        self.rounds, self.tries, self.horizon, self.cells, self.shown = rounds, tries, horizon, cells, shown
        self.after, self.least, self.own = after, least, True
        where = f"mazes of {cells} x {cells}" if cells else "the plane"
        self.name = f"navigation in {where}, {rounds} rounds of {tries} tries of {horizon} steps"

    def at(self, step: int) -> Self:
        """Without the learner's own tries before the step from which on there are some."""
        found = copy.copy(self)
        found.own = step >= self.after or not self.shown
        return found

    def plan(self, batch: int, generator: torch.Generator | None = None) -> NavigationPlan:
        luck = torch.rand(batch, luck_wide(self.cells), generator=generator)
        noise = torch.randn(batch, self.rounds + 1, self.tries, self.horizon, 2, generator=generator)
        rounds = torch.randint(self.least, self.rounds + 1, (batch,), generator=generator)
        headed = torch.randn(batch, self.rounds, self.tries, 2, generator=generator)
        drift = _DRIFT * headed * torch.rand(batch, self.rounds, self.tries, 1, generator=generator)
        anywhere = torch.rand(batch, _ASKED, 3, generator=generator)
        beside = torch.randn(batch, _ASKED, 2, generator=generator)
        return NavigationPlan(luck, noise, rounds, drift, torch.cat([anywhere, beside], -1))

    def gather(self, plan: NavigationPlan, act: Act | None = None) -> Task:
        if self.shown and (act is None or not self.own):
            return Task(self._by_chance(plan), self._anywhere(plan))
        act = _still if act is None else act
        most = int(plan.rounds.max())
        met, found = self._none_met(plan), list[Tensor]()
        for number in range(most + 1):
            rows, shown = self._tried(plan, act, met, number)
            asked = torch.cat([rows.x, rows.mask[..., None], shown if self.shown else rows.y], -1)
            met, found = self._and(met, rows), [*found, asked]
        rows_of = torch.stack(found, 1)[torch.arange(len(plan)), plan.rounds]
        query = Examples(rows_of[..., :2], rows_of[..., 3:], rows_of[..., 2])
        return Task(self._known(met, plan.rounds, most), query)

    def interact(self, plan: NavigationPlan, act: Act) -> tuple[Tensor, Examples]:
        met = self._none_met(plan)
        for number in range(self.rounds):
            met = self._and(met, self._tried(plan, act, met, number)[0])
        points, total = reset(plan.luck, 1, self.cells), plan.luck.new_zeros(len(plan))
        for _ in range(self.horizon):
            points, reward = step(points, act(met, points.place, last=True))
            total = total + reward[:, 0]
        return total, met

    def best(self, plan: NavigationPlan) -> Tensor:
        """The return (B,) of who knows the way: no method can do better in the plane."""
        points, total = reset(plan.luck, 1, self.cells), plan.luck.new_zeros(len(plan))
        for _ in range(self.horizon):
            points, reward = step(points, onward(points))
            total = total + reward[:, 0]
        return total

    def _none_met(self, plan: NavigationPlan) -> Examples:
        none = plan.luck.new_zeros(len(plan), 0)
        return Examples(none[..., None].expand(-1, -1, 2), none[..., None].expand(-1, -1, len(TARGETS)), none)

    @staticmethod
    def _and(met: Examples, rows: Examples) -> Examples:
        return Examples(*[torch.cat(both, 1) for both in ((met.x, rows.x), (met.y, rows.y), (met.mask, rows.mask))])

    def _known(self, met: Examples, rounds: Tensor, most: int) -> Examples:
        """What was met in so many rounds (B,), of tasks with ``most`` of them."""
        count = most * self.tries * self.horizon
        real = met.mask[:, :count] * (met.y[:, :count, -1] < rounds[:, None]).to(met.mask.dtype)
        return Examples(met.x[:, :count], met.y[:, :count] * real[..., None], real)

    def _tried(self, plan: NavigationPlan, act: Act, met: Examples, number: int) -> tuple[Examples, Tensor]:
        """The rows of a round (B, E T), and the targets of who is shown the way at their places."""
        points: Points = reset(plan.luck, self.tries, self.cells)
        parts: list[tuple[Tensor, ...]] = []
        for t in range(self.horizon):
            action = act(met, points.place) + _NOISE * plan.noise[:, number, :, t]
            after, reward = step(points, action)
            parts.append((points.place, action, onward(points), reward, 1 - points.there))
            points = after
        place, action, way, reward, real = (torch.stack(part, 2) for part in zip(*parts, strict=True))
        shown = torch.cat([way, torch.stack([torch.ones_like(reward), reward, torch.full_like(reward, number)], -1)], -1)
        return self._of_round(place, action, reward, real, number), (shown * real[..., None]).flatten(1, 2)

    def _of_round(self, place: Tensor, action: Tensor, reward: Tensor, real: Tensor, number: int) -> Examples:
        """Rows (B, E T) of the tries of one round, (B, E, T, …)."""
        better = advantages(reward, place, real)
        did = torch.cat([action, torch.stack([better, reward], -1)], -1) * real[..., None]
        did = torch.cat([did, torch.full_like(reward, number)[..., None]], -1)
        return Examples(place.flatten(1, 2), did.flatten(1, 2), real.flatten(1))

    def _by_chance(self, plan: NavigationPlan) -> Examples:
        """Tries of all rounds at once, that drift somewhere."""
        points = reset(plan.luck, self.rounds * self.tries, self.cells)
        noise, drift = plan.noise[:, : self.rounds].flatten(1, 2), plan.drift.flatten(1, 2)
        parts: list[tuple[Tensor, ...]] = []
        for t in range(self.horizon if self.rounds else 0):
            action = drift + _NOISE * noise[:, :, t]
            after, reward = step(points, action)
            parts.append((points.place, action, reward, 1 - points.there))
            points = after
        met = self._none_met(plan)
        if not parts:
            return met
        found = [torch.split(torch.stack(part, 2), self.tries, 1) for part in zip(*parts, strict=True)]
        for number, (place, action, reward, real) in enumerate(zip(*found, strict=True)):
            met = self._and(met, self._of_round(place, action, reward, real, number))
        return self._known(met, plan.rounds, self.rounds)

    def _anywhere(self, plan: NavigationPlan) -> Examples:
        """Places in and beside the square, or near the goal, and the shortest way's actions there."""
        points = reset(plan.luck, 1, self.cells)
        near = points.goal[:, None] + _NEAR * plan.asked[..., 3:]
        place = torch.where(plan.asked[..., 2:3] < 0.5, near, _BESIDE * (plan.asked[..., :2] - 0.5))
        if self.cells:
            place = place.clamp(-0.499, 0.499)
        way = onward(points._replace(place=place, there=torch.zeros_like(place[..., 0])))
        rest = torch.zeros_like(place) + torch.stack([torch.zeros_like(plan.rounds), plan.rounds], -1)[:, None]
        return Examples(place, torch.cat([way, torch.ones_like(way[..., :1]), rest], -1), torch.ones_like(place[..., 0]))


def _still(support: Examples, x: Tensor, *, last: bool = False) -> Tensor:
    """Stays where it is, but for noise."""
    return torch.zeros_like(x)
