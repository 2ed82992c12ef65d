"""Points 16 and 17 of the battery: predicting, and adapting, can be exported as programs.

A prediction is one program for any number of queries and any state; an adaptation one for any support set, at least of one size.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from quickstudy.checks.record import Broken, Excused, Held, Outcome
from quickstudy.checks.scene import Scene, apart, seeded
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Learner
from quickstudy.task import Examples, Inputs, Task

__all__ = ["exports_its_adaptation", "exports_its_predictor"]


class _Program(nn.Module):
    """A prediction as a function of the state's tensors and of raw inputs."""

    def __init__(self, learner: Learner[Any], form: pytree.TreeSpec) -> None:
        super().__init__()
        self.learner, self.form = learner, form

    def forward(self, state: list[Tensor], x: Inputs) -> Tensor:
        return self.learner.predict(pytree.tree_unflatten(state, self.form), self.learner.encode(x))


def exports_its_predictor(scene: Scene) -> Outcome:
    """A predictor exports by torch.export with a free number of queries, and equals itself on another task."""
    if scene.learner.facts.unexportable:
        return Excused(f"unexportable: {scene.learner.facts.unexportable}")
    if not scene.export:
        return Excused("skipped: export=False")
    learner, tasks = scene.fresh(), scene.tasks
    one, other = tasks[0], tasks[1]
    with torch.no_grad():
        state, form = pytree.tree_flatten(seeded(lambda: _adapted(learner, one)))
        free = torch.export.Dim("queries", min=2)
        shapes: Any = ([{} for _ in state], map_leaves(lambda leaf: {0: free}, one.query.x))
        odd = map_leaves(lambda leaf: torch.cat([leaf, leaf, leaf[:1]]), one.query.x)  # a number that nothing else has
        exported = torch.export.export(_Program(learner, form), (state, odd), dynamic_shapes=shapes, strict=False).module()
        found = max(_distance(learner, exported, task, times) for task in (one, other) for times in (1, 2))
    if not found <= scene.tolerance:
        raise Broken(f"the exported predictor differs by {found:.2g}, allowed {scene.tolerance:.2g}")
    return Held(f"deviation {found:.1g}")


class _Adaptation(nn.Module):
    """An adaptation as a function of a raw support set, given as a tree of tensors."""

    def __init__(self, learner: Learner[Any]) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, x: Inputs, y: Tensor, mask: Tensor) -> list[Tensor]:
        state = self.learner.adapt(Examples(self.learner.encode(x), y, mask))
        return [leaf.clone() for leaf in pytree.tree_leaves(state)]


def exports_its_adaptation(scene: Scene) -> Outcome:
    """An adaptation exports by torch.export, with a free number of examples if possible, and equals itself on another task."""
    facts = scene.learner.facts
    if facts.unexportable_adaptation:
        return Excused(f"unexportable: {facts.unexportable_adaptation}")
    if not scene.export:
        return Excused("skipped: export=False")
    learner, tasks = scene.fresh(), scene.tasks
    try:
        found, size = _adaptations_apart(learner, tasks, free=True), "any number of examples"
    except Exception:  # of torch.export, which knows no common error; what is still wrong is raised below
        found, size = _adaptations_apart(learner, tasks, free=False), "a fixed number of examples"
    if not found <= scene.tolerance:
        raise Broken(f"the exported adaptation differs by {found:.2g}, allowed {scene.tolerance:.2g}")
    return Held(f"{size}, deviation {found:.1g}")


def _adaptations_apart(learner: Learner[Any], tasks: Task, *, free: bool) -> float:
    """How far the states of a program are from the learner's, on a task that it was not traced on."""
    one, other = tasks[0].support, tasks[1].support
    if free:
        other = map_leaves(lambda leaf: torch.cat([leaf, leaf, leaf[:1]]), other)  # a number that nothing else has
    axes = {0: torch.export.Dim.AUTO} if free else {}
    shapes: Any = (map_leaves(lambda leaf: axes, one.x), axes, axes)
    with torch.no_grad():
        program = torch.export.export(
            _Adaptation(learner), (one.x, one.y, one.mask), dynamic_shapes=shapes, strict=False
        ).module()
        found = seeded(lambda: program(other.x, other.y, other.mask))
        wanted = pytree.tree_leaves(seeded(lambda: learner.adapt(other.replace(learner.encode(other.x)))))
    return max((apart(mine.double(), its.double()) for mine, its in zip(found, wanted, strict=True)), default=0.0)


def _distance(learner: Learner[Any], exported: nn.Module, task: Task, times: int) -> float:
    """How far the program is from the learner on a task whose queries come several times."""
    x = map_leaves(lambda leaf: torch.cat([leaf, leaf] * times), task.query.x)
    state = seeded(lambda: _adapted(learner, task))
    return apart(
        seeded(lambda: exported(pytree.tree_leaves(state), x)), seeded(lambda: learner.predict(state, learner.encode(x)))
    )


def _adapted(learner: Learner[Any], task: Task) -> Any:
    return learner.adapt(task.support.replace(learner.encode(task.support.x)))
