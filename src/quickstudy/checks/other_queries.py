"""Whether a prediction depends on what it should not: the other queries, the order of the support set, the class columns."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.checks.scene import Scene, apart, outputs, seeded
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Learner
from quickstudy.likelihood import Categorical
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.source import TaskSource, generator_of

__all__ = ["moved_by_names", "moved_by_order", "moved_by_other_queries"]

_TASKS = 8
_MUCH = 0.1
_NOISE = 1e-6


def moved_by_other_queries(learner: Learner[Any], source: TaskSource[Any], *, seed: int = 0) -> Observation:
    """Replaces half of the queries by queries of other tasks, and compares the answers of the other half.

    A batch norm that uses the statistics of the query batch lets other queries leak into an answer: scores then depend on how
    many queries come at once and of which classes. A learner that declares it (``facts.transductive``) is excused; the share
    of answers that changed is reported.

    Args:
        learner: any learner; a copy of it is used, in double precision and eval mode.
        source: tasks that suit it.
        seed: of tasks and inner randomness.
    """
    scene = Scene(learner, source, seed=seed)
    tasks = _tasks(scene)
    if min(len(task.query) for task in tasks) < 2:
        return skipped("tasks have a single query")

    fresh, pairs = scene.fresh(), []
    for number, task in enumerate(tasks):
        strange = _exchanged(task.query, tasks[(number + 1) % _TASKS].query)
        stay = -(-len(task.query) // 2)
        pairs.append((_asked(fresh, task.support, strange)[:stay], _asked(fresh, task.support, task.query.x)[:stay]))
    if learner.facts.transductive:
        return _declared(
            learner,
            pairs,
            "other queries beside them",
            "transductive",
            "Compare it with other transductive learners only, on query sets of the same size and balance.",
        )
    return _undeclared(
        learner,
        pairs,
        "other queries beside them",
        "Keep statistics of the query batch out of encode and predict (a batch norm without running averages is one; "
        'norm="support" in MAML), or declare Facts(transductive=True).',
    )


def _exchanged(mine: Examples, others: Examples) -> Inputs:
    """Inputs of the first half of my queries, and others' in place of the rest."""
    stay = -(-len(mine) // 2)
    strangers = torch.arange(len(mine) - stay) % len(others)
    return map_leaves(lambda a, b: torch.cat([a[:stay], b[strangers]]), mine.x, others.x)


def moved_by_order(learner: Learner[Any], source: TaskSource[Any], *, orders: int = 4, seed: int = 0) -> Observation:
    """Shuffles the support set and compares the answers.

    A memory that reads its support set in order may declare it (``facts.ordered``). The share of answers that another order
    changes is then reported: that much of a score depends on the order by chance.

    Args:
        learner: any learner; a copy of it is used, in double precision and eval mode.
        source: tasks that suit it.
        orders: tried on each task.
        seed: of tasks, orders and inner randomness.
    """
    scene = Scene(learner, source, seed=seed)
    fresh, pairs = scene.fresh(), []
    for number, task in enumerate(_tasks(scene)):
        if len(task.support) < 2:
            return skipped("support sets hold fewer than two examples")
        before = _asked(fresh, task.support, task.query.x)
        for k in range(orders):
            order = torch.randperm(len(task.support), generator=generator_of(seed, number, k))
            pairs.append((_asked(fresh, task.support[order], task.query.x), before))
    if learner.facts.ordered:
        return _declared(
            learner,
            pairs,
            "another order of the support set",
            "ordered",
            "Average predictions over several orders, or report the spread.",
        )
    return _undeclared(
        learner, pairs, "another order of the support set", "Pool over the support set, or declare Facts(ordered=True)."
    )


def moved_by_names(learner: Learner[Any], source: TaskSource[Any], *, seed: int = 0) -> Observation:
    """Assigns the classes to other columns and compares the answers, class by class.

    Networks with one output for each column (MAML's) declare it (``facts.label_order``). The share of answers that change is
    then reported: that much of a score depends on the assignment by chance.
    Source: Ye & Chao, 2022, How to train your MAML to excel in few-shot classification.

    Args:
        learner: any classifier; a copy of it is used, in double precision and eval mode.
        source: tasks that suit it.
        seed: of tasks and inner randomness.
    """
    if not isinstance(learner.likelihood, Categorical):
        return skipped("outputs are values, not classes")
    scene = Scene(learner, source, seed=seed)
    fresh, pairs = scene.fresh(), []
    for task in _tasks(scene):
        support = task.support
        columns = torch.arange(support.y.shape[1]).roll(1)
        renamed = Examples(support.x, support.y[:, columns], support.mask)
        pairs.append((_asked(fresh, renamed, task.query.x), _asked(fresh, support, task.query.x)[:, columns]))
    if learner.facts.label_order:
        return _declared(
            learner,
            pairs,
            "other columns for the classes",
            "label_order",
            "Average predictions over several assignments, or start the head from zeros or prototypes (ProtoMAML).",
        )
    return _undeclared(
        learner,
        pairs,
        "other columns for the classes",
        "Treat all columns of y alike, or declare Facts(label_order=True).",
    )


def _asked(learner: Learner[Any], support: Examples, x: Inputs) -> Tensor:
    found: Tensor = seeded(partial(outputs, learner, support, x))
    return found


def _tasks(scene: Scene) -> list[Task]:
    drawn = scene.drawn(scene.source, _TASKS)
    return [Task(t.support.trim(), t.query.trim()) for t in (drawn[n] for n in range(_TASKS))]


_Pairs = list[tuple[Tensor, Tensor]]
"""Outputs after and before, of some queries of a task."""


def _changed(learner: Learner[Any], pairs: _Pairs) -> float:
    """The share of answers that changed: of classes named, or of the spread of values."""
    if isinstance(learner.likelihood, Categorical):
        return float(torch.cat([(a.argmax(-1) != b.argmax(-1)).double() for a, b in pairs]).mean())
    after, before = (torch.cat([pair[n].flatten() for pair in pairs]) for n in (0, 1))
    return float((after - before).abs().mean() / before.std().clamp(min=1e-12))


def _declared(learner: Learner[Any], pairs: _Pairs, what: str, fact: str, remedy: str) -> Observation:
    share = _changed(learner, pairs)
    note = f"{what}: {share:.1%} of the answers change (declared: {fact})"
    if share <= _MUCH:
        return Observation(note)
    return Observation(
        note, (Finding(f"Of the answers {share:.0%} change with {what}.", Severity.NOTE, remedy, {"changed": share}),)
    )


def _undeclared(learner: Learner[Any], pairs: _Pairs, what: str, remedy: str) -> Observation:
    moved, share = max(apart(after, before) for after, before in pairs), _changed(learner, pairs)
    note = f"{what}: outputs move by {moved:.1g}, {share:.1%} of the answers change"
    if moved <= _NOISE or (learner.facts.stochastic and share <= _MUCH):
        return Observation(note)
    finding = Finding(
        f"Answers of {type(learner).__name__} move with {what}: outputs by up to {moved:.2g}, {share:.1%} of the answers change.",
        Severity.SEVERE if share > 0 or moved > 1e-3 else Severity.WARNING,
        remedy,
        {"moved": moved, "changed": share},
    )
    return Observation(note, (finding,))
