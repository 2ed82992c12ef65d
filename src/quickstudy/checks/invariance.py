"""Points 3 to 7 of the battery: what must not change a prediction, and what a prediction must not change."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.record import Broken, Excused, Held, Outcome
from quickstudy.checks.scene import Scene, apart, outputs, seeded
from quickstudy.execution.batching import trimmed
from quickstudy.functional.tree import cat, leaves, map_leaves
from quickstudy.learner import Learner
from quickstudy.likelihood import ABSENT, Categorical
from quickstudy.task import Examples, Task
from quickstudy.tasks.source import generator_of

__all__ = ["adapting_is_pure", "labels_permute", "order_is_free", "padding_is_ignored", "queries_stand_alone"]


def padding_is_ignored(scene: Scene) -> Outcome:
    """Rows of mask 0 change neither predictions nor the objective, whatever they hold; a class without rows has logit -1e4."""
    learner, task = scene.fresh(), scene.task
    held = scene.same(
        lambda: outputs(learner, _littered(task.support), task.query.x),
        lambda: outputs(learner, task.support, task.query.x),
        "padding the support set moved predictions",
    )
    lesson: Task = scene.lessons[0]
    lesson = Task(lesson.support.trim(), lesson.query.trim())
    scene.same(
        lambda: _objective(scene, Task(_littered(lesson.support), _littered(lesson.query))),
        lambda: _objective(scene, lesson),
        "padding a task moved its objective",
    )
    if isinstance(learner.likelihood, Categorical) and task.support.y.shape[1] > 2:
        _absent(learner, task)
    return held


def _littered(examples: Examples) -> Examples:
    """The examples with padding behind that holds other inputs under wrong labels, which only the mask tells apart."""
    litter = map_leaves(lambda leaf: leaf.flip(0) if leaf.ndim else leaf, examples[:3])
    return cat([examples, Examples(litter.x, litter.y.roll(1, -1), torch.zeros_like(litter.mask))])


def _objective(scene: Scene, task: Task) -> Tensor:
    learner = scene.fresh()
    with torch.no_grad():
        encoded = Task(task.support.replace(learner.encode(task.support.x)), task.query.replace(learner.encode(task.query.x)))
        fn: Callable[[Task], Tensor] = trimmed(learner.objective) if learner.facts.transductive else learner.objective
        return fn(encoded)


def _absent(learner: Learner[Any], task: Task) -> None:
    support = Examples(task.support.x, task.support.y, task.support.mask * (1 - task.support.y[:, -1]))
    if bool(learner.likelihood.present(support.y, support.mask)[-1]):
        return  # columns are no classes: all are there
    logits = seeded(lambda: outputs(learner, support, task.query.x))[:, -1]
    if not bool(((logits <= ABSENT / 10) & logits.isfinite()).all()):
        raise Broken(
            f"a class without any support row got logits up to {float(logits.max()):.3g}",
            "Pass outputs through self.likelihood.restrict(outputs, present).",
        )


def order_is_free(scene: Scene) -> Outcome:
    """The order of the support set does not matter."""
    if scene.learner.facts.ordered:
        return Excused("ordered=True")
    learner, task = scene.fresh(), scene.task
    order = torch.randperm(len(task.support), generator=generator_of(scene.seed, 4))
    return scene.same(
        lambda: outputs(learner, task.support[order], task.query.x),
        lambda: outputs(learner, task.support, task.query.x),
        "another order of the support set moved predictions",
    )


def queries_stand_alone(scene: Scene) -> Outcome:
    """A query's prediction does not depend on its neighbours."""
    if scene.learner.facts.transductive:
        return Excused("transductive=True")
    learner, task = scene.fresh(), scene.task
    rows = range(min(4, len(task.query)))

    def alone() -> Tensor:
        return torch.cat([outputs(learner, task.support, task.query[row : row + 1].x) for row in rows])

    return scene.same(
        alone, lambda: outputs(learner, task.support, task.query.x)[: len(rows)], "queries were predicted differently when alone"
    )


def labels_permute(scene: Scene) -> Outcome:
    """Renaming the classes renames the outputs and changes nothing else."""
    if scene.learner.facts.label_order:
        return Excused("label_order=True")
    if not isinstance(scene.learner.likelihood, Categorical):
        return Excused("outputs are values, not classes")
    learner, task = scene.fresh(), scene.task
    support = task.support
    order = torch.arange(support.y.shape[1]).roll(1)
    return scene.same(
        lambda: outputs(learner, Examples(support.x, support.y[:, order], support.mask), task.query.x),
        lambda: outputs(learner, support, task.query.x)[:, order],
        "renaming the classes did more than rename the outputs",
    )


def adapting_is_pure(scene: Scene) -> Outcome:
    """Adapting and predicting leave the learner and the task as they were, can be repeated, and keep states apart."""
    learner, task = scene.fresh(), scene.task
    other: Task = scene.tasks[1]
    before = [leaf.clone() for leaf in [*learner.state_dict().values(), *leaves(task)]]

    def adapted(to: Task) -> Any:
        return learner.adapt(to.support.replace(learner.encode(to.support.x)))

    def predicted() -> Tensor:
        return outputs(learner, task.support, task.query.x)

    first = seeded(predicted)
    with torch.no_grad():
        state = seeded(lambda: adapted(task))
        seeded(lambda: adapted(other), 1)
        later = learner.predict(state, learner.encode(task.query.x))
    recorded = seeded(lambda: learner.predict(adapted(task), learner.encode(task.query.x)).detach())
    _unchanged(learner, task, before)
    _alike(scene, later, first, "a state predicts differently after the learner adapted to another task", _KEEP_APART)
    _alike(scene, recorded, first, "predictions change when gradients are recorded")
    again = seeded(predicted, 0 if scene.learner.facts.stochastic else 1)
    if not torch.equal(again, first):
        raise Broken(f"the same call gave other numbers: deviation {apart(again, first):.2g}")
    return Held("bitwise")


_KEEP_APART = "Keep what is learned of a task in the state that adapt returns, not in the module."


def _unchanged(learner: Learner[Any], task: Task, before: list[Tensor]) -> None:
    names = [*learner.state_dict(), *[f"a tensor of the task ({number})" for number in range(len(leaves(task)))]]
    after = [*learner.state_dict().values(), *leaves(task)]
    changed = [name for name, a, b in zip(names, before, after, strict=True) if not torch.equal(a, b)]
    changed += [f"the gradient of {name}" for name, p in learner.named_parameters() if p.grad is not None]
    if changed or learner.training:
        raise Broken(f"changed: {', '.join(changed) or 'the training mode'}")


def _alike(scene: Scene, a: Tensor, b: Tensor, found: str, remedy: str = "") -> None:
    if not scene.learner.facts.stochastic and not apart(a, b) <= scene.tolerance:
        raise Broken(f"{found}: deviation {apart(a, b):.2g}", remedy)
