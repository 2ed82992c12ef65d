"""Paired comparison of two reports over the same tasks, and the conclusions it allows."""

import math
from collections.abc import Sequence

from quickstudy.errors import TaskError
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.report import Report
from quickstudy.reports.words import difference, is_share
from quickstudy.reports.worlds import World

__all__ = ["compare", "conclude"]


def compare(a: Report, b: Report) -> Comparison:
    """The mean of ``a − b`` task by task, with intervals and p-values for the same classes and for new classes.

    Tasks differ far more in difficulty than learners in skill; on the same tasks that noise cancels. Where one report holds
    only the first tasks of the list (``evaluate(limit=...)``), these are compared; ``len(differences)`` says how many.

    Raises:
        TaskError: the reports were made on different task lists or with different metrics.

    >>> from quickstudy.evaluation.evaluate import evaluate
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> source = Sinusoid()
    >>> zero = evaluate(lambda support: lambda x: 0 * x, source, tasks=50)
    >>> compare(zero, evaluate(Sinusoid.oracle, source, tasks=50)).p_value < 0.001
    True
    """
    if a.digest != b.digest:
        raise TaskError(
            f"{a.model} and {b.model} were evaluated on different tasks ({a.source}, list {a.digest}, and {b.source}, list "
            f"{b.digest}). Evaluate both on the same source with the same seed and number of tasks."
        )
    if a.metric != b.metric or a.higher_is_better != b.higher_is_better:
        raise TaskError(
            f"{a.model} was measured by {a.metric} and {b.model} by {b.metric}. Compare one metric: evaluate both with "
            "metrics=(…,), then report.by(name)."
        )
    differences = tuple(x - y for x, y in zip(a.scores, b.scores, strict=False))
    classes = b.classes if a.classes is None else a.classes  # a report of an earlier version has none
    return Comparison(
        a.model, b.model, a.metric, a.higher_is_better, differences, classes, a.apart or b.apart, a.bounds, a.units or b.units
    )


def conclude(report: Report, baselines: Sequence[Report]) -> str:
    """Conclusions of the paired tests of a model and its baselines in plain words, and for which tasks they hold.

    A line for each world: other tasks of the same classes, and new classes. A model is called better or worse only where the
    p-value of that world is below 5 %; p-values are not widened for the number of baselines.

    Raises:
        TaskError: no baselines, two of one name, or other tasks.

    >>> same = dict(source="toys", metric="accuracy", higher_is_better=True, digest="0", seed=0, transductive=False)
    >>> rest = same | dict(norm="none", seconds=0.0, state_bytes=0, classes=((0, 1), (2, 3), (4, 5)))
    >>> a, b = (Report(name, scores=scores, **rest) for name, scores in (("A", (0.9, 0.8, 0.9)), ("B", (0.5, 0.5, 0.5))))
    >>> print(conclude(a, [b]))
    For other tasks of the same classes, A is better than B (by 36.7 points of accuracy, 95 % paired interval 22.3 to 51.0, \
p = 0.0082, on the same 3 tasks).
    For new classes, A is better than B (by 36.7 points of accuracy, 95 % paired interval 22.3 to 51.0, p = 0.0082, \
on the same 3 tasks).
    """
    names = [baseline.model for baseline in baselines]
    if not baselines or len(set(names)) < len(names):
        raise TaskError(f"a conclusion needs at least one baseline to compare with, with names of their own, not {names}.")
    found = [compare(report, baseline) for baseline in baselines]
    worlds = list(dict.fromkeys(world for pair in found for world in pair.estimates))
    parts = [_in_world(report, [pair for pair in found if world in pair.estimates], world) for world in worlds]
    unsaid = next((pair.unsaid().strip() for pair in found if pair.unsaid()), "")
    parts += [unsaid] if unsaid else []
    unlike = [baseline.model for baseline in baselines if baseline.transductive != report.transductive]
    if unlike:
        setting = "sees" if report.transductive else "does not see"
        parts.append(f"Mind that {report.model} {setting} a task's queries together (transductive), unlike {', '.join(unlike)}.")
    return "\n".join(parts)


def _in_world(report: Report, found: Sequence[Comparison], world: World) -> str:
    """The conclusion for one world, in one sentence."""
    sign = 1 if report.higher_is_better else -1
    better = [c for c in found if c.better(world) == report.model]
    worse = [c for c in found if c.better(world) == c.b]
    unclear = [c for c in found if c.better(world) is None]
    parts = []
    if len(better) == len(found) > 1:
        nearest = min(better, key=lambda c: sign * c.difference)
        parts.append(f"{report.model} is better than all {len(found)} baselines; the nearest is {_each([nearest], sign, world)}")
    elif better:
        parts.append(f"{report.model} is better than {_each(better, sign, world)}")
    if worse:
        parts.append(f"{report.model} is worse than {_each(worse, -sign, world)}")
    if unclear:
        parts.append(f"these tasks do not tell {report.model} apart from {_each(unclear, sign, world, by=False)}")
    return f"For {found[0].for_world(world)}, {'; '.join(parts)}."


def _each(comparisons: Sequence[Comparison], sign: int, world: World, *, by: bool = True) -> str:
    return ", ".join(f"{c.b} ({_size(c, sign, world, by=by)})" for c in comparisons)


def _size(comparison: Comparison, sign: int, world: World, *, by: bool) -> str:
    """By how much, an amount or a signed difference, with its interval and the number of tasks."""
    digits, unit = (1, " points") if is_share(comparison.metric) else (3, "")
    low, high = sorted(sign * value for value in comparison.intervals[world])
    small, large, size = (
        difference(value, comparison.metric, sign=not by, digits=digits) if math.isfinite(value) else ""
        for value in (low, high, sign * comparison.difference)
    )
    bounds = f"95 % paired interval {small} to {large}, p = {comparison.p_values[world]:.2g}"
    if not math.isfinite(low):
        bounds = "one task gives no interval" if len(comparison.differences) < 2 else "one class gives no interval"
    count = f"{len(comparison.differences):,} task" + ("s" if len(comparison.differences) > 1 else "")
    return f"{'by ' if by else ''}{size}{unit} of {comparison.metric}, {bounds}, on the same {count}"
