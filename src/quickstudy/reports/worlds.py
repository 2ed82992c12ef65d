"""What a mean over tasks is a statement about: other tasks of the same classes (closed world), or new classes (open world).

Tasks drawn with replacement from a finite set of classes can be as many as one likes. The interval over tasks then shrinks to
nothing, while other classes would still give another mean. So each interval and each test names its world.
"""

import math
from collections.abc import Sequence
from typing import Literal

from quickstudy.reports.estimate import Estimate, estimate_over_classes, estimate_over_tasks

__all__ = ["Apart", "Bounds", "World", "bounds_of", "clipped", "estimates_of", "heading", "in_words"]

Apart = Literal["classes", "rows"]
"""What no two tasks of a list share, if they were drawn so."""

World = Literal["tasks", "classes", "disjoint tasks", "disjoint rows"]
"""What is drawn anew when the experiment is repeated."""

Bounds = tuple[float, float]
"""The smallest and the largest score there can be; infinite where there is no bound."""


def estimates_of(scores: Sequence[float], classes: Sequence[Sequence[int]] | None, apart: Apart | None) -> dict[World, Estimate]:
    """The mean of all tasks with its error for each world that these tasks allow a statement about.

    >>> list(estimates_of([0.1, 0.3], [[0, 1], [1, 2]], None)), list(estimates_of([0.1, 0.3], [[0], [1]], "classes"))
    (['tasks', 'classes'], ['disjoint tasks'])
    """
    over_tasks = estimate_over_tasks(scores)
    if apart == "classes":  # then the tasks themselves are drawn anew with the classes
        return {"disjoint tasks": over_tasks}
    found: dict[World, Estimate] = {"tasks" if apart is None else "disjoint rows": over_tasks}
    return found if classes is None else found | {"classes": estimate_over_classes(scores, classes[: len(scores)])}


def in_words(world: World, *, classes_known: bool = True) -> str:
    """What a statement holds for: it follows "for".

    >>> in_words("tasks"), in_words("tasks", classes_known=False), in_words("classes")
    ('other tasks of the same classes', 'other tasks of the same source', 'new classes')
    """
    if world == "tasks":
        return f"other tasks of the same {'classes' if classes_known else 'source'}"
    return {
        "classes": "new classes",
        "disjoint tasks": "new classes (no two tasks share one)",
        "disjoint rows": "other examples of the same classes",
    }[world]


def heading(world: World, *, classes_known: bool = True) -> str:
    """`in_words`, short enough for the head of a column.

    >>> heading("tasks"), heading("disjoint tasks")
    ('same classes', 'new classes')
    """
    if world == "tasks" and not classes_known:
        return "same source"
    return {"tasks": "same classes", "disjoint rows": "other examples"}.get(world, "new classes")


def bounds_of(metric: str) -> Bounds:
    """Between which numbers the main metric of a report lies.

    >>> bounds_of("accuracy"), bounds_of("mse"), bounds_of("profit")
    ((0.0, 1.0), (0.0, inf), (-inf, inf))
    """
    if metric == "accuracy":
        return 0.0, 1.0
    return (0.0 if metric in ("mse", "nll", "bits") else -math.inf), math.inf


def clipped(interval: tuple[float, float], bounds: Bounds) -> tuple[float, float]:
    """An interval without what lies outside of the bounds: no mean lies there, so that it covers as often as before.

    >>> clipped((0.97, 1.02), (0.0, 1.0)), clipped((-math.inf, math.inf), (0.0, 1.0))
    ((0.97, 1.0), (-inf, inf))
    """
    if math.isinf(interval[0]) and math.isinf(interval[1]):  # one task gives no interval, also not that of all numbers
        return interval
    return max(interval[0], bounds[0]), min(interval[1], bounds[1])
