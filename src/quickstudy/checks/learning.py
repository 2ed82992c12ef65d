"""Points 11 and 12 of the battery: a learner learns, across tasks and within one."""

import math
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.record import Broken, Excused, Held, Outcome
from quickstudy.checks.scene import Scene, cast, outputs, seeded
from quickstudy.errors import LearnerError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.execution.batching import encode_tasks, over_tasks
from quickstudy.functional.tree import cat, to
from quickstudy.learner import Learner
from quickstudy.reports.compare import compare
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import generator_of
from quickstudy.train import train

__all__ = ["learns", "update_is_adapt_on_the_union"]


def learns(scene: Scene) -> Outcome:
    """A short meta-training beats the untrained learner, and its own support set beats that of another task."""
    learner, training = scene.fresh(None), scene.training
    note = "not meta-trained"
    if learner.facts.gradient != "none":
        before = evaluate(learner, scene.source, tasks=training.tasks, seed=scene.seed)
        weights = [p for p in learner.parameters() if p.requires_grad]
        records = train(
            learner,
            training.source or scene.source,
            steps=training.steps,
            batch=training.batch,
            optimizer=torch.optim.Adam(weights, training.lr),
            seed=scene.seed,
        )
        for _ in records:
            pass
        after = evaluate(learner, scene.source, tasks=training.tasks, seed=scene.seed)
        gain = compare(after, before) if after.higher_is_better else compare(before, after)
        note = f"{after.metric} {before.mean:.3g} before, {after.mean:.3g} after {training.steps} steps"
        if not gain.interval[0] > 0:
            raise Broken(f"{note}: gain {gain.difference:.2g}, interval {gain.interval[0]:.2g} to {gain.interval[1]:.2g}")
    low, high = interval_over_tasks(_own_minus_strange(scene, learner).tolist())
    if not low > 0:
        raise Broken(f"the support set of another task works as well: gain {low:.2g} to {high:.2g}", _DEAF)
    return Held(f"{note}; its own support set is better by {(low + high) / 2:.2g}")


_DEAF = "Let adapt use the support set, and choose a source whose tasks differ."


def _own_minus_strange(scene: Scene, learner: Learner[Any]) -> Tensor:
    """How much better each task is solved with its own support set than with the next task's."""
    dtype = next((p.dtype for p in learner.parameters()), torch.get_default_dtype())
    tasks = to(cast(scene.source.sample(scene.training.tasks, generator_of(scene.seed)), dtype), scene.device)

    def rate(task: Task) -> Tensor:
        found = learner.predict(learner.adapt(task.support), task.query.x)
        return learner.likelihood.score(found, task.query.y, task.query.mask)

    with torch.no_grad():
        encoded = encode_tasks(learner.eval(), tasks)
        strange = Task(encoded[torch.arange(len(encoded)).roll(1)].support, encoded.query)
        gain: Tensor = seeded(lambda: over_tasks(rate, encoded) - over_tasks(rate, strange))
    if not bool(torch.isfinite(gain).all()):
        return gain.new_tensor([-math.inf, math.inf])
    return gain if learner.likelihood.higher_is_better else -gain


def update_is_adapt_on_the_union(scene: Scene) -> Outcome:
    """``update(adapt(a), b)`` predicts as ``adapt(a + b)``, where update is offered."""
    update = getattr(scene.fresh(), "update", None)
    if update is None:
        return Excused("no update offered")
    learner, task = scene.fresh(), scene.task
    part = max(1, len(task.support) // 3)  # unequal parts: a mean of means would pass with equal ones
    if len(task.support) < 2:
        raise LearnerError("a support set of one example cannot be split. Give a source with more.")
    with torch.no_grad():
        encoded = task.support.replace(learner.encode(task.support.x))
        queries = learner.encode(task.query.x)

    def in_parts() -> Tensor:
        parts: list[Examples] = [encoded[:part], encoded[part:]]
        with torch.no_grad():
            return learner.predict(update(learner.adapt(parts[0]), parts[1]), queries)

    whole = cat([task.support[:part], task.support[part:]])
    return scene.same(in_parts, lambda: outputs(learner, whole, task.query.x), "update and adapt differ")
