"""How well a learner answers before adaptation and after its inner steps: the curve of a list of tasks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.evaluation.encoded_batches import encoded_batches
from quickstudy.evaluation.scoring import seeded
from quickstudy.execution.batching import Strategy, choose, over_tasks, trimmed
from quickstudy.learner import Learner, evaluating
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.task import Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["AdaptationCurve", "adaptation_curve", "alike"]


@dataclass(frozen=True)
class AdaptationCurve:
    """Means over tasks, for each number of inner steps probed; NaN where a number is not finite or not known.

    Args:
        tasks: how many.
        steps: inner steps taken; only 0 for a learner without any, whose one snapshot is the adapted one.
        scores: of the queries, by the likelihood's metric.
        halves: half-widths of the scores' 95 % t-intervals over tasks.
        losses: negative log-likelihoods of the queries.
        gradient_norms: of the support loss's gradient that the last of these steps took; none before the first.
    """

    tasks: int
    steps: tuple[int, ...]
    scores: tuple[float, ...]
    halves: tuple[float, ...]
    losses: tuple[float, ...]
    gradient_norms: tuple[float, ...]

    @property
    def adapted(self) -> float:
        """The score after all inner steps."""
        return self.scores[-1]

    def to_json(self) -> dict[str, Any]:
        """A record of numbers, six digits each; null where there is none."""
        return {"tasks": self.tasks, "steps": list(self.steps)} | {
            name: [_short(value) for value in getattr(self, name)] for name in ("scores", "halves", "losses", "gradient_norms")
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "AdaptationCurve":
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: something else.
        """
        lists = {
            name: tuple(math.nan if value is None else float(value) for value in found[name])
            for name in ("scores", "halves", "losses", "gradient_norms")
        }
        steps = tuple(map(int, found["steps"]))
        if not steps or any(len(values) != len(steps) for values in lists.values()):
            raise ValueError(f"{len(steps)} inner steps with {', '.join(str(len(values)) for values in lists.values())} numbers")
        return cls(int(found["tasks"]), steps, **lists)


def adaptation_curve(
    learner: Learner[Any],
    source: TaskSource[Any],
    *,
    tasks: int = 100,
    plan: Plan | None = None,
    seed: int = 0,
    batch: int = 25,
    strategy: Strategy = "auto",
) -> AdaptationCurve:
    """Adapts ``learner`` (in eval mode) to tasks and evaluates their queries at each of `Learner.snapshots`.

    No random number of the caller's is used up and nothing of the learner changes. Beside `evaluate` on as many tasks it costs
    the queries' predictions at the further snapshots.

    Args:
        learner: any.
        source: of the tasks.
        tasks: how many.
        plan: use this list instead of drawing one; ``tasks`` is not used then.
        seed: of the task list and of whatever is drawn inside.
        batch: tasks held in memory at once.
        strategy: see `quickstudy.execution.batching`.

    Raises:
        TaskError: no tasks.
        LearnerError: the encoder has a batch norm without running averages.

    >>> from quickstudy.learners.optimization.maml import MAML
    >>> from quickstudy.likelihood import Gaussian
    >>> from quickstudy.nn.mlp import MLP
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> learner = MAML(MLP(1, outputs=1), inner_lr=0.01, test_steps=2, likelihood=Gaussian())
    >>> adaptation_curve(learner, Sinusoid(), tasks=10).steps
    (0, 1, 2)
    """
    if tasks < 1 or (plan is not None and not len(plan)):
        raise TaskError(f"tasks={tasks}: a curve needs at least one task.")
    device = next((p.device for p in learner.parameters()), torch.device("cpu"))
    steps: list[int] = []

    def looked(task: Task) -> Tensor:
        """Scores, losses and gradient norms (3, snapshots) of ONE encoded task."""
        found, taken = [], []
        for snapshot in learner.trajectory(task.support):
            outputs = learner.predict(snapshot.state, task.query.x)
            given = (outputs, task.query.y, task.query.mask)
            score, loss = learner.likelihood.score(*given), learner.likelihood.nll(*given)
            norm = torch.full_like(score, math.nan) if snapshot.gradient_norm is None else snapshot.gradient_norm
            found.append(torch.stack([score, loss, norm.to(score.dtype)]))
            taken.append(snapshot.steps)
        steps[:] = taken
        return torch.stack(found, 1)

    parts = []
    with seeded(seed, 0), torch.no_grad():
        plan = source.plan(tasks, generator_of(seed)) if plan is None else plan
        with evaluating(learner):
            for encoded in encoded_batches(learner, source, plan, batch, device):
                way = choose(learner, encoded, strategy)
                parts.append(over_tasks(trimmed(looked) if way == "loop" else looked, encoded, way).double().cpu())
    return _curve(steps, torch.cat(parts))


def _curve(steps: list[int], found: Tensor) -> AdaptationCurve:
    """From scores, losses and norms (tasks, 3, snapshots) to their means."""
    scores, losses, norms = (tuple(row) for row in found.mean(0).tolist())
    halves = tuple(_half(column) for column in found[:, 0].T.tolist())
    return AdaptationCurve(len(found), tuple(steps), scores, halves, losses, norms)


def _half(scores: list[float]) -> float:
    if len(scores) < 2 or not all(map(math.isfinite, scores)):
        return math.nan
    low, high = interval_over_tasks(scores)
    return (high - low) / 2


def alike(train: TaskSource[Any], val: TaskSource[Any]) -> TaskSource[Any] | None:
    """Meta-training tasks that can be compared with validation tasks: of a few-shot source the classes, at the sizes of ``val``.

    None where they are of another kind.

    Raises:
        TaskError: the meta-training classes do not fit the sizes of validation tasks.
    """
    index = getattr(train, "index", None)
    if isinstance(val, FewShot) and index is not None:
        ways = min(val.ways[0], len(index.classes)), min(val.ways[1], len(index.classes))
        return FewShot(index, ways, val.shots, val.queries, balanced=val.balanced, sizes=val.sizes)
    if type(train) is not type(val):
        return None
    return val if index is None and train.name == val.name else train


def _short(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
