"""The contract of a source of tasks: a generator alone decides its tasks, which are clean and without leaks."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from quickstudy.borders.targets import names_classes
from quickstudy.checks.record import Broken, Checks, Excused, Held, Outcome, Promise, ask
from quickstudy.checks.scene import seeded
from quickstudy.functional.tree import leaves
from quickstudy.task import Examples, Task
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import Plan, TaskSource, generator_of

__all__ = [
    "check_source",
    "gathering_repeats",
    "generator_alone_decides",
    "no_row_is_seen_twice",
    "numbers_are_finite",
    "one_hot_rows",
    "queries_are_of_support_classes",
    "shapes_fit",
    "slices_agree",
]

_TASKS = 12


@dataclass(frozen=True)
class _Scene:
    source: TaskSource[Any]
    seed: int

    @cached_property
    def plan(self) -> Plan:
        planned: Plan = self.source.plan(_TASKS, generator_of(self.seed))
        return planned

    @cached_property
    def tasks(self) -> Task:
        return self.source.gather(self.plan)

    def each(self) -> list[Task]:
        """The tasks without padding."""
        return [Task(t.support.trim(), t.query.trim()) for t in (self.tasks[n] for n in range(_TASKS))]


def check_source(source: TaskSource[Any], *, seed: int = 0) -> Checks:
    """Checks that a source of tasks can be trained and evaluated on: repeatable, resumable, clean, without leaks.

    Args:
        source: any source.
        seed: of the tasks that are drawn.

    Raises:
        ContractError: the first promise that is broken, with what was found and the likely remedy.

    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> check_source(Sinusoid()).excused
    {6: 'targets are values', 7: 'no rows are planned'}
    """
    return ask(f"{type(source).__name__} ({source.name})", _PROMISES, _Scene(source, seed))


def generator_alone_decides(scene: _Scene) -> Outcome:
    """The generator alone decides the tasks, and global random numbers stay as they were."""
    plans = [seeded(lambda: scene.source.plan(_TASKS, generator_of(scene.seed)), n) for n in range(2)]
    if plans[0].digest() != plans[1].digest():
        raise Broken("generators of one seed gave different tasks")
    before = torch.get_rng_state()
    scene.source.sample(2, generator_of(scene.seed))
    if not torch.equal(before, torch.get_rng_state()):
        raise Broken("sampling drew from the global generator")
    if scene.source.digest(plans[0]) == scene.source.digest(scene.source.plan(_TASKS, generator_of(scene.seed, 1))):
        raise Broken("generators of different seeds gave the same tasks")
    return Held()


def _equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same, missing numbers included (another point covers those)."""
    return a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num())


def gathering_repeats(scene: _Scene) -> Outcome:
    """A plan gathers to the same numbers every time."""
    again = leaves(scene.source.gather(scene.plan))
    if not all(_equal(a, b) for a, b in zip(leaves(scene.tasks), again, strict=True)):
        raise Broken("gathering the same plan twice gave other numbers")
    return Held("bitwise")


def slices_agree(scene: _Scene) -> Outcome:
    """A part of a plan gathers to that part of the tasks."""
    part = scene.source.gather(scene.plan[4:9])
    for number in range(len(part)):
        a, b = part[number], scene.tasks[4 + number]
        for mine, whole in ((a.support.trim(), b.support.trim()), (a.query.trim(), b.query.trim())):
            ways = min(mine.y.shape[1], whole.y.shape[1])
            pairs = [*zip(leaves(mine.x), leaves(whole.x), strict=True), (mine.y[:, :ways], whole.y[:, :ways])]
            if not all(_equal(x, y) for x, y in pairs):
                raise Broken(f"task {4 + number} differs when it is gathered beside other tasks")
    return Held("bitwise")


def numbers_are_finite(scene: _Scene) -> Outcome:
    """Inputs and targets hold no NaN and no infinity, and a mask holds ones and zeros."""
    for side in (scene.tasks.support, scene.tasks.query):
        if not all(bool(torch.isfinite(leaf).all()) for leaf in leaves(side) if leaf.is_floating_point()):
            raise Broken("NaN or infinite values")
        if not bool(((side.mask == 0) | (side.mask == 1)).all()):
            raise Broken("a mask with values other than 0 and 1")
    return Held()


def shapes_fit(scene: _Scene) -> Outcome:
    """Every tensor carries the task as first and the example as second axis, and each task has a query."""
    for side in (scene.tasks.support, scene.tasks.query):
        wrong = [tuple(leaf.shape) for leaf in leaves(side) if leaf.shape[:2] != side.mask.shape]
        if wrong:
            raise Broken(f"shapes {wrong} beside a mask of {tuple(side.mask.shape)}")
    if not bool((scene.tasks.query.mask.sum(1) > 0).all()):
        raise Broken("a task without queries")
    return Held()


def one_hot_rows(examples: Examples) -> bool:
    """Whether all targets are classes: rows with a single 1."""
    y = examples.y
    return names_classes(y) and bool((y.sum(-1) == 1).all())


def queries_are_of_support_classes(scene: _Scene) -> Outcome:
    """Classes are one-hot rows, and no query is of a class that the support set lacks."""
    tasks = scene.each()
    if not all(one_hot_rows(task.query) for task in tasks):
        return Excused("targets are values")
    if all(len(task.support) == 0 for task in tasks):
        return Excused("support sets are empty")
    for number, task in enumerate(tasks):
        lacking = (task.query.y.sum(0) > 0) & (task.support.y.sum(0) == 0)
        if not one_hot_rows(task.support) or bool(lacking.any()):
            raise Broken(
                f"task {number} has queries of classes {lacking.nonzero().flatten().tolist()}, which its support set lacks"
            )
    return Held()


def no_row_is_seen_twice(scene: _Scene) -> Outcome:
    """No row is in a task twice, and none is in both support and query."""
    plan = scene.plan
    if not isinstance(plan, RowPlan):
        return Excused("no rows are planned")
    for number in range(_TASKS):
        rows: Tensor = torch.cat(
            [plan.support_rows[number][plan.support_mask[number]], plan.query_rows[number][plan.query_mask[number]]]
        )
        if len(torch.unique(rows)) != len(rows):
            raise Broken(f"task {number} holds a row twice")
    return Held()


_PROMISES = (
    Promise(1, generator_alone_decides, "Draw all random numbers in plan, from the generator that it is given."),
    Promise(2, gathering_repeats, "Draw nothing in gather: what is random belongs into the plan."),
    Promise(3, slices_agree, "Let every field of the plan carry the task as its first axis, and gather each task by itself."),
    Promise(4, numbers_are_finite, "Clean the data; mark padding by mask 0."),
    Promise(5, shapes_fit, "Stack tasks along a new first axis (quickstudy.task.stack_tasks pads them)."),
    Promise(6, queries_are_of_support_classes, "Draw queries from the classes of the support set."),
    Promise(7, no_row_is_seen_twice, "Draw support and query rows without replacement, from one order."),
)
