"""How much a source's tasks differ: a diversity coefficient, coverage of classes and features, repeats in the list.

Source: Miranda, Yu, Goyal, Wang & Koyejo, 2023, Is pre-training truly better than meta-learning? (The coefficient: the mean
cosine distance of two tasks' Task2Vec embeddings.)
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quickstudy.checks.finding import Finding, Observation, Severity, skipped
from quickstudy.checks.sources import one_hot_rows
from quickstudy.checks.task_embedding import distances, embed, halves
from quickstudy.functional.plain_numbers import plain_numbers
from quickstudy.functional.tree import leaves
from quickstudy.reports.intervals import interval_over_tasks
from quickstudy.task import Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan, TaskPlan
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = ["TaskDiversity", "differ_too_little", "task_diversity"]

_LISTED = 1000
_CELLS = 32
_ROWS = 2000
_BLURRED = 0.6
"""Distance of two halves of one task above which there are too few examples for the probe to tell tasks apart."""


@dataclass(frozen=True)
class TaskDiversity:
    """Measurements of a list of tasks.

    Args:
        coefficient: mean cosine distance of two tasks, each seen by one half of its examples: 0 alike, 1 nothing in common.
        floor: the mean distance of the two halves of one task; what is below is noise.
        gain: 95 % interval of coefficient minus floor, over tasks.
        apart: distances (T, T) between first halves (rows) and second halves (columns); the diagonal is one task.
        draws: how often each class was drawn, where classes are planned.
        classes_seen: share of the classes that were drawn, of those that uniform draws would reach; None without classes.
        features_seen: how evenly rows fall into cells of the feature space, of what the data's rows do; None without data.
        repeated: share of the tasks of the list whose classes (without classes: whose plan) an earlier one had.
        listed: tasks in the list.
    """

    coefficient: float
    floor: float
    gain: tuple[float, float]
    apart: Tensor
    draws: Tensor | None
    classes_seen: float | None
    features_seen: float | None
    repeated: float
    listed: int


def task_diversity(source: TaskSource[Any], *, tasks: int = 60, seed: int = 0) -> TaskDiversity | None:
    """Measures how much the tasks of ``source`` differ; None where there are not many tasks, or no numbers in them.

    Args:
        source: any source.
        tasks: number of tasks whose examples are used; another thousand are planned.
        seed: of the tasks and of the probe.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> found = task_diversity(Sinusoid(shots=20))
    >>> found.coefficient > found.floor
    True
    """
    drawn = source.sample(tasks, generator_of(seed))
    if not bool(drawn.support.mask.any()) or not sum(leaf.shape[2:].numel() for leaf in leaves(drawn.query.x)):
        return None
    each: list[Task] = [drawn[number] for number in range(tasks)]
    pairs = [halves(task) for task in each]
    places = embed([half for pair in pairs for half in pair], classes=one_hot_rows(each[0].query.trim()), seed=seed)
    apart = distances(places[::2], places[1::2])
    own = apart.diagonal()
    others = (apart.sum(0) + apart.sum(1) - 2 * own) / (2 * (tasks - 1))
    plans = [source.plan(250, generator_of(seed, number)) for number in range(_LISTED // 250)]
    draws = _draws(source, plans)
    return TaskDiversity(
        coefficient=float(others.mean()),
        floor=float(own.mean()),
        gain=interval_over_tasks((others - own).tolist()),
        apart=apart,
        draws=draws,
        classes_seen=None if draws is None else _reached(draws),
        features_seen=_evenness(source, plans[0], seed) if isinstance(source, FewShot) else None,
        repeated=_repeated(plans),
        listed=_LISTED,
    )


def differ_too_little(source: TaskSource[Any], *, tasks: int = 60, seed: int = 0) -> Observation:
    """Findings of `task_diversity`: tasks that cannot be distinguished, classes and regions that are never drawn, repeats.

    Args:
        source: any source.
        tasks, seed: see `task_diversity`.
    """
    found = task_diversity(source, tasks=tasks, seed=seed)
    if found is None:
        return skipped("there is one task only, or inputs hold no numbers")
    note = f"coefficient {found.coefficient:.3f} (halves of one task {found.floor:.3f})"
    note += "" if found.classes_seen is None else f", classes reached {found.classes_seen:.0%}"
    note += "" if found.features_seen is None else f", features {found.features_seen:.0%}"
    note += f", repeats {found.repeated:.1%} of {found.listed:,} tasks"
    findings = [_alike(found), _unreached(found), _uneven(found), _again(found)]
    return Observation(note, tuple(finding for finding in findings if finding is not None))


def _alike(found: TaskDiversity) -> Finding | None:
    if found.gain[0] > 0 or found.floor > _BLURRED:
        return None
    return Finding(
        f"Tasks cannot be told apart: two tasks are as far from each other ({found.coefficient:.3f}) as two halves of one "
        f"({found.floor:.3f}).",
        Severity.WARNING,
        "Draw from more or from more different classes (or functions); where tasks are alike, plain pre-training does as well.",
        {"coefficient": found.coefficient, "floor": found.floor},
    )


def _unreached(found: TaskDiversity) -> Finding | None:
    if found.classes_seen is None or found.draws is None or found.classes_seen > 0.9:
        return None
    missed = int((found.draws == 0).sum())
    return Finding(
        f"{missed:,} of {len(found.draws):,} classes are not drawn in {found.listed:,} tasks; uniform draws would reach more.",
        Severity.WARNING,
        "Look at how classes are chosen in plan, and for classes that are too small for shots + queries.",
        {"missed": missed, "reached": found.classes_seen},
    )


def _uneven(found: TaskDiversity) -> Finding | None:
    if found.features_seen is None or found.features_seen > 0.6:
        return None
    return Finding(
        f"Tasks stay in a part of the feature space: they reach {found.features_seen:.0%} of the regions that the data fills.",
        Severity.WARNING,
        "Draw classes evenly, or weigh rare regions up.",
        {"reached": found.features_seen},
    )


def _again(found: TaskDiversity) -> Finding | None:
    if found.repeated <= 0.2:
        return None
    return Finding(
        f"The list repeats itself: {found.repeated:.0%} of {found.listed:,} tasks have the classes of an earlier one.",
        Severity.WARNING,
        "Add classes (rotated or mirrored ones count), draw fewer ways, or more tasks from more functions.",
        {"repeated": found.repeated},
    )


def _draws(source: TaskSource[Any], plans: list[Plan]) -> Tensor | None:
    """How often each class is drawn, (C,)."""
    classes = [plan.classes.flatten() for plan in plans if isinstance(plan, RowPlan)]
    if not classes or not isinstance(source, FewShot):
        return None
    every = torch.cat(classes)
    return torch.bincount(every[every >= 0], minlength=len(source.index.classes))


def _reached(draws: Tensor) -> float:
    """Classes drawn, as a share of those that as many uniform draws would reach."""
    count = len(draws)
    expected: float = count * (1 - (1 - 1 / count) ** float(draws.sum()))
    return min(1.0, float((draws > 0).sum()) / expected)


def _evenness(source: FewShot, plan: Plan, seed: int) -> float:
    """``exp H`` of how the list's rows fall into cells of the data, as a share of ``exp H`` of the data's own rows."""
    from sklearn.cluster import KMeans

    assert isinstance(plan, RowPlan)
    index = source.index
    every = torch.arange(0, len(index), max(1, -(-len(index) // _ROWS)))
    listed = plan.support_rows[plan.support_mask]
    listed = listed[:: max(1, -(-len(listed) // _ROWS))]
    data, seen = (plain_numbers(index.gather(rows)) for rows in (every, listed))
    cells = KMeans(min(_CELLS, len(index.classes)), n_init=1, random_state=seed).fit(data.numpy())
    spread = [
        torch.bincount(torch.from_numpy(cells.predict(rows.numpy())).long(), minlength=cells.n_clusters).double()
        for rows in (data, seen)
    ]
    even = [math.exp(float(torch.special.entr(counts / counts.sum()).sum())) for counts in spread]
    return min(1.0, even[1] / even[0])


def _repeated(plans: list[Plan]) -> float:
    keys: Counter[Any] = Counter()
    for plan in plans:
        for number in range(len(plan)):
            own = plan[number : number + 1]
            keys[
                tuple(sorted(own.classes[0].tolist()))
                if isinstance(own, RowPlan) and not isinstance(own, TaskPlan)
                else own.digest()
            ] += 1
    return 1 - len(keys) / sum(len(plan) for plan in plans)
