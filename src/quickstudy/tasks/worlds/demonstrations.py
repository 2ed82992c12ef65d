"""Demonstrations of robot tasks: what was seen and done on the way to a goal, and whether a learner gets there itself."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.borders.arguments import number, whole
from quickstudy.datasets.fetch import cached_arrays
from quickstudy.errors import TaskError
from quickstudy.functional.tree import map_leaves
from quickstudy.likelihood import Gaussian
from quickstudy.task import Examples, Task
from quickstudy.tasks.interactive import Act, Interactive
from quickstudy.tasks.source import Plan, generator_of
from quickstudy.tasks.worlds.robot import Robot

__all__ = ["DemonstrationPlan", "Demonstrations"]

_HELD, _VERSION = 15, 2


@dataclass(frozen=True)
class DemonstrationPlan(Plan):
    """Goals by number (B,), demonstrations (B, K), of which so many are known (B,), one to be predicted (B,), seeds (B,)."""

    task: Tensor
    known: Tensor
    count: Tensor
    asked: Tensor
    start: Tensor


class Demonstrations(Interactive[DemonstrationPlan]):
    """A task is a goal that is not seen: from demonstrations of it the robot is to reach it from other starts.

    A row is what is seen; its targets are the action that was shown there. The demonstrator's own movements shake, so that rows
    beside the way are seen; it stops after the task was done in 15 steps. In meta-training another demonstration of the same goal
    is to be predicted. In an evaluation whatever acts moves the robot from a start of its own; the score is 1 where the task is
    done in the last step.

    Demonstrations are made once, and kept in the cache of quickstudy.

    Args:
        robot: that is moved.
        goals: of the tasks, (N, G).
        shots: demonstrations that are known; of a pair (least, most) each number is drawn equally often, and the rest is padding.
        each: demonstrations of a goal that there are; one more than are known for meta-training.
        horizon: steps of a demonstration at most, and of a run.
        shaking: deviation of the noise on the demonstrator's movements, in actions.
        goal_seen: beside what is seen stands the goal, so that nothing is hidden: a bound for others.

    Raises:
        TaskError: numbers below 1, fewer demonstrations than are to be known, or least above most.
    """

    likelihood = Gaussian()
    metric = "success"

    def __init__(
        self,
        robot: Robot,
        goals: Tensor,
        shots: int | tuple[int, int] = 1,
        *,
        each: int = 3,
        horizon: int = 100,
        shaking: float = 0.3,
        goal_seen: bool = False,
    ) -> None:
        least, most = shots if isinstance(shots, tuple) else (shots, shots)
        whole(TaskError, shots=least, each=each, horizon=horizon)
        whole(TaskError, shots=most)
        number(TaskError, shaking=shaking)
        if goals.ndim != 2 or not len(goals):
            raise TaskError(f"goals have the shape {tuple(goals.shape)}. Give a row of numbers for each goal.")
        if most < least:
            raise TaskError(f"shots=({least}, {most}): the least is above the most. Give them in order.")
        if each < most:
            raise TaskError(f"each={each} demonstrations cannot give shots={most}. Raise each or lower shots.")
        self.robot, self.goals, self.shots, self.each, self.horizon = robot, goals, shots, each, horizon
        self.shaking, self.goal_seen = shaking, goal_seen
        self.least, self.most = least, most
        word = "demonstration" if most == 1 else "demonstrations"
        self.name = f"{robot.name}, {most if least == most else f'{least} to {most}'} {word}, {len(goals)} goals, {horizon} steps"
        self._kept: tuple[Tensor, ...] | None = None

    def with_goal(self) -> "Demonstrations":
        """The same tasks, in which the goal is seen."""
        return self._with(goal_seen=True)

    def resized(self, shots: int) -> "Demonstrations":
        """The same goals, of which so many demonstrations are known."""
        return self._with(shots=shots)

    def _with(self, **changed: Any) -> "Demonstrations":
        given = {"shots": self.shots, "goal_seen": self.goal_seen, "shaking": self.shaking} | changed
        return Demonstrations(self.robot, self.goals, each=self.each, horizon=self.horizon, **given)

    def plan(self, batch: int, generator: torch.Generator | None = None) -> DemonstrationPlan:
        task = torch.randint(len(self.goals), (batch,), generator=generator)
        return self._of(task, generator)

    def each_once(self, generator: torch.Generator | None = None) -> DemonstrationPlan:
        """A list in which every goal is one task."""
        return self._of(torch.arange(len(self.goals)), generator)

    def _of(self, task: Tensor, generator: torch.Generator | None) -> DemonstrationPlan:
        order = torch.rand(len(task), self.each, generator=generator).argsort(1)
        start = torch.randint(2**31, (len(task),), generator=generator)
        count = torch.randint(self.least, self.most + 1, (len(task),), generator=generator)
        return DemonstrationPlan(task, order[:, : self.most], count, order[:, -1], start)

    def gather(self, plan: DemonstrationPlan, act: Act | None = None) -> Task:
        return Task(self._known(plan), self._rows(plan.task, plan.asked[:, None]))

    def interact(self, plan: DemonstrationPlan, act: Act) -> tuple[Tensor, Examples]:
        known = self._known(plan)
        done = []
        for number_of in range(len(plan)):
            one = Examples(*[part[number_of : number_of + 1] for part in (known.x, known.y, known.mask)])
            goal = self.goals[plan.task[number_of]]
            seen, over = self.robot.begin(goal, int(plan.start[number_of])), False
            for _ in range(self.horizon):
                seen, over = self.robot.move(act(one, self._shown(seen, goal)[None, None], last=True)[0, 0])
            done.append(float(over))
        return torch.tensor(done), known

    def everything(self) -> Examples:
        """The rows of all demonstrations of all goals, one after another."""
        every = torch.arange(self.each).expand(len(self.goals), -1)
        return map_leaves(lambda leaf: leaf.flatten(0, 1), self._rows(torch.arange(len(self.goals)), every)).trim()

    def _shown(self, seen: Tensor, goal: Tensor) -> Tensor:
        return torch.cat([seen, goal.expand(*seen.shape[:-1], -1)], -1) if self.goal_seen else seen

    def _known(self, plan: DemonstrationPlan) -> Examples:
        rows = self._rows(plan.task, plan.known)
        there = (torch.arange(self.most) < plan.count[:, None]).to(rows.mask.dtype).repeat_interleave(self.horizon, 1)
        return Examples(rows.x * there[..., None], rows.y * there[..., None], rows.mask * there)

    def _rows(self, task: Tensor, which: Tensor) -> Examples:
        """Rows of demonstrations (B, K) of tasks (B,), (B, K T)."""
        if self._kept is None:
            found = cached_arrays(f"demonstrations/{self._key()}", self._made)
            self._kept = tuple(torch.from_numpy(found[name]) for name in ("x", "y", "mask"))
        x, y, mask = (part[task[:, None], which] for part in self._kept)
        return Examples(self._shown(x, self.goals[task][:, None, None]).flatten(1, 2), y.flatten(1, 2), mask.flatten(1))

    def _key(self) -> str:
        settings = f"{_VERSION} {self.robot.name} {self.each} {self.horizon} {self.shaking}".encode()
        return hashlib.sha256(settings + self.goals.contiguous().numpy().tobytes()).hexdigest()[:24]

    def _made(self) -> dict[str, np.ndarray]:
        """All demonstrations, padded: x (N, E, T, D), y (N, E, T, A), mask (N, E, T)."""
        found = [[self._demonstrated(task, count) for count in range(self.each)] for task in range(len(self.goals))]
        rows = {}
        for place, name in enumerate(("x", "y")):
            first = found[0][0][place]
            rows[name] = np.zeros((len(found), self.each, self.horizon, first.shape[1]), np.float32)
        rows["mask"] = np.zeros((len(found), self.each, self.horizon), np.float32)
        for task, several in enumerate(found):
            for count, (x, y) in enumerate(several):
                rows["x"][task, count, : len(x)], rows["y"][task, count, : len(y)] = x.numpy(), y.numpy()
                rows["mask"][task, count, : len(x)] = 1
        return rows

    def _demonstrated(self, task: int, count: int) -> tuple[Tensor, Tensor]:
        """What was seen (T, D) and shown (T, A)."""
        generator = generator_of(task, count, 17)
        seen = self.robot.begin(self.goals[task], int(torch.randint(2**31, (), generator=generator)))
        rows, actions, held = [], [], 0
        for _ in range(self.horizon):
            action = self.robot.shown()
            rows.append(seen)
            actions.append(action)
            noise = self.robot.shakes * torch.randn(len(action), generator=generator)
            seen, done = self.robot.move(action + self.shaking * noise)
            held += done
            if held >= _HELD:
                break
        return torch.stack(rows), torch.stack(actions)
