"""Grasping bars that were never seen: a few tries, then the grasp that counts."""

import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import TaskError
from quickstudy.likelihood import Bernoulli
from quickstudy.task import Examples, Task
from quickstudy.tasks.interactive import Act, Interactive
from quickstudy.tasks.source import Plan
from quickstudy.tasks.worlds.gripper import OUTCOMES, Bars, Gripper, PlanarGripper, luck_of, reset

__all__ = ["GraspPlan", "Grasping", "grasps"]

_NEAR, _SPREAD = 0.6, 0.35
_CHOICES = 32
_PLANAR = PlanarGripper()


def grasps() -> Tensor:
    """The grasps that a robot chooses from, (325, 2): 25 places and 13 forces."""
    return torch.cartesian_prod(torch.linspace(-1, 1, 25), torch.linspace(0, 1, 13))


@dataclass(frozen=True)
class GraspPlan(Plan):
    """Luck of bars (B, 7), random grasps (B, S + Q, 2), luck (B, S + Q), tries (B,), grasps offered (B, S, C, 2), own (B,)."""

    bar: Tensor
    grasp: Tensor
    luck: Tensor
    tries: Tensor
    options: Tensor
    own: Tensor


class Grasping(Interactive[GraspPlan]):
    """A task is a bar: after some tries, of which it is seen how they ended, which grasp lifts it?

    A row is what a camera shows of the bar and a grasp, 5 numbers; its target is a bit for each way in which it ends: lifted,
    tilts left, tilts right, slips, crushed. In an evaluation whatever acts makes ``tries`` tries out of 325 grasps and then one
    more, whose true probability of lifting is the score. In meta-training each number of tries is drawn equally often; 60 % of
    the tasks hold tries of the present learner, the best of 32 random grasps each, the others random ones, 60 % of them near
    the centre of mass.

    Args:
        tries: made before the grasp that counts.
        queries: grasps whose end is to be predicted, in meta-training.
        own: share of the tasks whose tries are the learner's own.
        after: outer step from which on they are.
        gripper: that of statics in the plane, or `MujocoGripper`.

    Raises:
        TaskError: numbers below 1 (tries: below 0), or a share outside of 0 to 1.

    >>> source = Grasping(tries=4, queries=10)
    >>> task = source.sample(3, torch.Generator().manual_seed(0))
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([3, 4, 5]), torch.Size([3, 10, 5]))
    """

    likelihood = Bernoulli()

    def __init__(
        self, tries: int = 8, queries: int = 24, *, own: float = 0.6, after: int = 0, gripper: Gripper = _PLANAR
    ) -> None:
        whole(TaskError, least=0, tries=tries, after=after)
        whole(TaskError, queries=queries)
        if not 0 <= own <= 1:
            raise TaskError(f"own={own} is a share of the tasks. Give a number from 0 to 1.")
        self.tries, self.queries, self.own, self.after, self.gripper = tries, queries, own, after, gripper
        where = "" if isinstance(gripper, PlanarGripper) else f" in {gripper.name}"
        self.name = f"grasps of unseen bars{where}, {tries} tries, {queries} queries"

    def at(self, step: int) -> Self:
        """Without the learner's own tries before the step from which on there are some."""
        if step >= self.after or not self.own:
            return self
        found = copy.copy(self)
        found.own = 0.0
        return found

    def plan(self, batch: int, generator: torch.Generator | None = None) -> GraspPlan:
        rows = self.tries + self.queries
        bar = luck_of(batch, generator)
        grasp = _random((batch, rows), generator)
        near = torch.rand(batch, rows, generator=generator) < _NEAR
        about = reset(bar).centre[:, None] + _SPREAD * torch.randn(batch, rows, generator=generator)
        grasp[..., 0] = torch.where(near, about.clamp(-1, 1), grasp[..., 0])
        luck = torch.rand(batch, rows, generator=generator)
        tries = torch.randint(0, self.tries + 1, (batch,), generator=generator)
        options = _random((batch, self.tries, _CHOICES), generator)
        return GraspPlan(bar, grasp, luck, tries, options, torch.rand(batch, generator=generator) < self.own)

    def gather(self, plan: GraspPlan, act: Act | None = None) -> Task:
        bars, count = reset(plan.bar), self.tries
        x, y = _rows(bars, plan.grasp), self.gripper.step(bars, plan.grasp, plan.luck)[1]
        known_x, known_y = x[:, :count], y[:, :count]
        if act is not None and bool(plan.own.any()) and count:
            _, met = self._tried(plan[plan.own], act, plan.options[plan.own])
            known_x, known_y = known_x.clone(), known_y.clone()
            known_x[plan.own], known_y[plan.own] = met.x, met.y
        real = (torch.arange(count) < plan.tries[:, None]).to(x.dtype)
        support = Examples(known_x, known_y * real[..., None], real)
        return Task(support, Examples(x[:, count:], y[:, count:], torch.ones_like(plan.luck[:, count:])))

    def interact(self, plan: GraspPlan, act: Act) -> tuple[Tensor, Examples]:
        bars, met = self._tried(plan, act, None)
        chosen = self._chosen(bars, grasps().expand(len(plan), -1, -1), met, act, last=True)
        return self.gripper.chances(bars, chosen)[..., 0], met

    def best(self, plan: GraspPlan) -> Tensor:
        """The probability of lifting (B,) where everything is known: no method can do better."""
        return self.gripper.chances(reset(plan.bar), grasps().expand(len(plan), -1, -1))[..., 0].amax(1)

    def _tried(self, plan: GraspPlan, act: Act, options: Tensor | None) -> tuple[Bars, Examples]:
        """Try after try, each after what the others showed; of all grasps, or of ``options`` (B, S, C, 2)."""
        bars = reset(plan.bar)
        met = Examples(
            plan.bar.new_zeros(len(plan), self.tries, 5),
            plan.bar.new_zeros(len(plan), self.tries, len(OUTCOMES)),
            plan.bar.new_zeros(len(plan), self.tries),
        )
        for number in range(self.tries):
            offered = grasps().expand(len(plan), -1, -1) if options is None else options[:, number]
            grasp = self._chosen(bars, offered, met, act)
            bars, ended = self.gripper.step(bars, grasp, plan.luck[:, number])
            x, y, mask = met.x.clone(), met.y.clone(), met.mask.clone()
            x[:, number], y[:, number], mask[:, number] = _rows(bars, grasp[:, None])[:, 0], ended, 1.0
            met = Examples(x, y, mask)
        return bars, met

    def _chosen(self, bars: Bars, offered: Tensor, met: Examples, act: Act, *, last: bool = False) -> Tensor:
        """Of the offered grasps (B, C, 2) that which lifts most probably, (B, 2)."""
        outputs = act(met, _rows(bars, offered), last=last)
        return offered[torch.arange(len(offered)), outputs[..., 0].argmax(1)]


def _random(shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    found = torch.rand(*shape, 2, generator=generator)
    found[..., 0] = 2 * found[..., 0] - 1
    return found


def _rows(bars: Bars, grasp: Tensor) -> Tensor:
    """What is seen of the bars beside grasps (B, R, 2), (B, R, 5)."""
    return torch.cat([bars.seen[:, None].expand(-1, grasp.shape[1], -1), grasp], -1)
