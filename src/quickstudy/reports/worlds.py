"""What a mean over tasks is a statement about: other tasks of the same classes (closed world), or new classes (open world).

Tasks drawn with replacement from a finite set of classes can be as many as one likes. The interval over tasks then shrinks to
nothing, while other classes would still give another mean. So each interval and each test names its world.
"""

import math
from collections.abc import Sequence
from typing import Literal

from quickstudy.reports.estimate import Estimate, estimate_over_classes, estimate_over_tasks
from quickstudy.reports.words import is_share

__all__ = ["Apart", "Bounds", "Shared", "World", "bounds_of", "clipped", "estimates_of", "heading", "in_words", "shared_by"]

Apart = Literal["classes", "rows"]
"""What no two tasks of a list share, if they were drawn so."""

World = Literal["tasks", "classes", "disjoint tasks", "disjoint rows"]
"""What is drawn anew when the experiment is repeated."""

Shared = str
"""What tasks of a list have in common: "classes", the "tasks" of a table, units by their own name ("patients"), or, where nothing
is on record, the "source"."""

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


def shared_by(classes: Sequence[Sequence[int]] | None, units: str = "") -> Shared:
    """What the tasks of a list share that new data would not: classes; the tasks of a table, one each; or it is unknown.

    Args:
        classes: of each task, or its units, as numbers.
        units: what these are, if they have a name of their own.

    >>> shared_by([[0, 1], [1, 2]]), shared_by([[7], [7]]), shared_by(None)
    ('classes', 'tasks', 'source')
    >>> shared_by([[7], [7]], "patients")
    'patients'
    """
    if classes is None:
        return "source"
    if units:
        return units
    return "tasks" if max(map(len, classes), default=0) == 1 else "classes"


def in_words(world: World, shared: Shared = "classes") -> str:
    """What a statement holds for: it follows "for".

    >>> in_words("tasks"), in_words("tasks", "source"), in_words("classes")
    ('other tasks of the same classes', 'other tasks of the same source', 'new classes')
    >>> in_words("tasks", "tasks"), in_words("classes", "tasks")
    ('other draws from the same tasks', 'new tasks')
    >>> in_words("tasks", "patients"), in_words("classes", "patients")
    ('other draws from the same patients', 'new patients')
    """
    if world == "tasks":
        return f"other {'tasks of' if shared in ('classes', 'source') else 'draws from'} the same {shared}"
    if world == "classes" and shared != "source":
        return f"new {shared}"
    return {
        "classes": "new classes",
        "disjoint tasks": "new classes (no two tasks share one)",
        "disjoint rows": "other examples of the same classes",
    }[world]


def heading(world: World, shared: Shared = "classes") -> str:
    """`in_words`, short enough for the head of a column.

    >>> heading("tasks"), heading("disjoint tasks")
    ('same classes', 'new classes')
    """
    if world in ("tasks", "classes") and shared != "classes":
        return f"same {shared}" if world == "tasks" else f"new {shared}"
    return {"tasks": "same classes", "disjoint rows": "other examples"}.get(world, "new classes")


def bounds_of(metric: str) -> Bounds:
    """Between which numbers the main metric of a report lies.

    >>> bounds_of("accuracy"), bounds_of("mse"), bounds_of("profit")
    ((0.0, 1.0), (0.0, inf), (-inf, inf))
    """
    if is_share(metric):
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
