"""Paired comparison: two reports over the same tasks, difference by difference, and what that allows one to say."""

import math
from collections.abc import Sequence

from quickstudy.errors import TaskError
from quickstudy.reports.comparison import Comparison
from quickstudy.reports.report import Report

__all__ = ["compare", "conclude"]


def compare(a: Report, b: Report) -> Comparison:
    """The mean of ``a − b`` task by task, with its interval and p-value.

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
    if a.metric != b.metric or a.digest != b.digest:
        raise TaskError(
            f"{a.model} and {b.model} were evaluated on different tasks ({a.source}, list {a.digest}, and {b.source}, list "
            f"{b.digest}). Evaluate both on the same source with the same seed and number of tasks."
        )
    differences = tuple(x - y for x, y in zip(a.scores, b.scores, strict=False))
    return Comparison(a.model, b.model, a.metric, differences, a.classes, a.apart)


def conclude(report: Report, baselines: Sequence[Report]) -> str:
    """In plain words what the paired intervals allow one to say of a model beside its baselines, and no more.

    A model is called better or worse only where the whole 95 % interval of the paired difference lies on one side of zero.

    Raises:
        TaskError: no baselines, or other tasks.

    >>> same = dict(source="toys", metric="accuracy", higher_is_better=True, digest="0", seed=0, transductive=False)
    >>> rest = same | dict(norm="none", seconds=0.0, state_bytes=0)
    >>> a, b = (Report(name, scores=scores, **rest) for name, scores in (("A", (0.9, 0.8, 0.9)), ("B", (0.5, 0.5, 0.5))))
    >>> conclude(a, [b])
    'A is better than B (by 36.7 points of accuracy, 95 % paired interval 22.3 to 51.0, on the same 3 tasks).'
    """
    if not baselines:
        raise TaskError("a conclusion needs at least one baseline to compare with.")
    sign = 1 if report.higher_is_better else -1
    found = [compare(report, baseline) for baseline in baselines]
    better = [c for c in found if _side(c) * sign > 0]
    worse = [c for c in found if _side(c) * sign < 0]
    unclear = [c for c in found if _side(c) == 0]
    parts = []
    if len(better) == len(found) > 1:
        nearest = min(better, key=lambda c: sign * c.difference)
        parts.append(f"{report.model} is better than all {len(found)} baselines; the nearest is {_each([nearest], sign)}.")
    elif better:
        parts.append(f"{report.model} is better than {_each(better, sign)}.")
    if worse:
        parts.append(f"{report.model} is worse than {_each(worse, -sign)}.")
    if unclear:
        parts.append(f"These tasks do not tell {report.model} apart from {_each(unclear, sign, by=False)}.")
    unlike = [baseline.model for baseline in baselines if baseline.transductive != report.transductive]
    if unlike:
        setting = "sees" if report.transductive else "does not see"
        parts.append(f"Mind that {report.model} {setting} a task's queries together (transductive), unlike {', '.join(unlike)}.")
    return " ".join(parts)


def _side(comparison: Comparison) -> int:
    """The sign of the difference where the interval leaves out zero, else 0."""
    low, high = comparison.interval
    return 1 if low > 0 else -1 if high < 0 else 0


def _each(comparisons: Sequence[Comparison], sign: int, *, by: bool = True) -> str:
    return ", ".join(f"{c.b} ({_size(c, sign, by=by)})" for c in comparisons)


def _size(comparison: Comparison, sign: int, *, by: bool) -> str:
    """By how much, an amount or a signed difference, with its interval and the number of tasks."""
    scale, unit, digits = (100, " points", 1) if comparison.metric == "accuracy" else (1, "", 3)
    low, high = sorted(sign * scale * value for value in comparison.interval)
    plus = "" if by else "+"
    bounds = f"95 % paired interval {low:{plus}.{digits}f} to {high:{plus}.{digits}f}"
    if not math.isfinite(low):
        bounds = "one task gives no interval"
    amount = f"{'by ' if by else ''}{sign * scale * comparison.difference:{plus}.{digits}f}{unit} of {comparison.metric}"
    return f"{amount}, {bounds}, on the same {len(comparison.differences):,} tasks".replace("-", "−")
