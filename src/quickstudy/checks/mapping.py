"""Points 1 and 2 of the battery: a learner written for one task works for many at once."""

from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.record import Broken, Excused, Outcome
from quickstudy.checks.scene import Scene, apart, seeded
from quickstudy.errors import ShapeError
from quickstudy.execution.batching import meta_gradient, over_tasks, trimmed
from quickstudy.execution.vmap_safety import unsafe_layer
from quickstudy.functional.tree import leading, leaves, map_leaves
from quickstudy.learner import Learner
from quickstudy.task import Task

__all__ = ["not_mapped", "state_is_a_tree", "vmap_equals_loop"]


def not_mapped(learner: Learner[Any]) -> str | None:
    """Why this learner never runs under vmap, or None."""
    return "batchable=False" if not learner.facts.batchable else unsafe_layer(learner)


def vmap_equals_loop(scene: Scene) -> Outcome:
    """All tasks at once (vmap) give the numbers of one task after another, in eval mode and in training."""
    excuse = not_mapped(scene.learner)
    if excuse:
        return Excused(excuse)
    learner = scene.fresh()
    encoded = scene.encoded(learner, scene.tasks)

    def predictions(task: Task) -> Tensor:
        return learner.predict(learner.adapt(task.support), task.query.x)

    with torch.no_grad():
        held = scene.same(
            lambda: over_tasks(predictions, encoded, "vmap"),
            lambda: over_tasks(predictions, encoded, "loop"),
            "predictions differ between vmap and loop",
        )
    if scene.learner.facts.transductive and not bool(scene.lessons.query.mask.all()):
        return held
    train = not _random(scene)  # dropout is drawn anew either way: then the gradient is compared in eval mode
    scene.same(
        lambda: _gradient(scene, "vmap", train), lambda: _gradient(scene, "loop", train), "objectives or their gradients differ"
    )
    return held


def _gradient(scene: Scene, strategy: Any, train: bool) -> Tensor:
    """Objectives and the outer gradient, relative to its size, as one vector."""
    learner = scene.fresh(train=train)
    losses = meta_gradient(learner, scene.lessons, strategy=strategy)
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in learner.parameters()]
    flat = torch.cat([losses, *[g.flatten() for g in grads]]).nan_to_num()  # point 8 covers missing numbers
    return flat / flat.norm().clamp(min=1e-12) if not scene.learner.facts.stochastic else flat


def _random(scene: Scene) -> bool:
    """Whether training draws random numbers of its own, dropout for example."""

    def losses() -> Tensor:
        learner = scene.fresh(train=True)
        with torch.no_grad():
            values: Tensor = over_tasks(trimmed(learner.objective), scene.encoded(learner, scene.lessons))
        return values

    return not scene.learner.facts.stochastic and apart(seeded(losses, 1), seeded(losses, 2)) > 1e-9


def state_is_a_tree(scene: Scene) -> Outcome:
    """The state is a tree of tensors that holds all a prediction needs, and it survives vmap."""
    learner, task = scene.fresh(), scene.task
    encoded = scene.encoded(learner, Task(task.support[None], task.query[None]))[0]
    with torch.no_grad():
        state = learner.adapt(encoded.support)
        strange = [type(leaf).__name__ for leaf in leaves(state) if not isinstance(leaf, Tensor)]
        if strange or not leaves(state):
            raise Broken(f"the state holds {', '.join(sorted(set(strange))) or 'nothing'}")
        rebuilt = map_leaves(lambda leaf: leaf.clone(), state)
        other = scene.fresh()
        held = scene.same(
            lambda: other.predict(rebuilt, encoded.query.x),
            lambda: learner.predict(state, encoded.query.x),
            "another copy of the learner predicts otherwise from the same state",
        )
        if not not_mapped(learner):
            many = scene.encoded(learner, scene.tasks)
            states = over_tasks(lambda task: learner.adapt(task.support), many, "vmap")
            if type(states) is not type(state) or leading(states) != len(many):
                raise ShapeError(f"vmap made a {type(states).__name__} of the states")
    return held
