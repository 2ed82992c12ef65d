"""Point 16 of the battery: a predictor can be exported as one program for any number of queries and any state."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from quickstudy.checks.record import Broken, Excused, Held, Outcome
from quickstudy.checks.scene import Scene, apart, seeded
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Learner
from quickstudy.task import Inputs, Task

__all__ = ["exports_its_predictor"]


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


def _distance(learner: Learner[Any], exported: nn.Module, task: Task, times: int) -> float:
    """How far the program is from the learner on a task whose queries come several times."""
    x = map_leaves(lambda leaf: torch.cat([leaf, leaf] * times), task.query.x)
    state = seeded(lambda: _adapted(learner, task))
    return apart(
        seeded(lambda: exported(pytree.tree_leaves(state), x)), seeded(lambda: learner.predict(state, learner.encode(x)))
    )


def _adapted(learner: Learner[Any], task: Task) -> Any:
    return learner.adapt(task.support.replace(learner.encode(task.support.x)))
