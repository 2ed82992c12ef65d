"""Paired comparison: two reports over the same tasks, difference by difference."""

from quickstudy.errors import TaskError
from quickstudy.report import Comparison, Report

__all__ = ["compare"]


def compare(a: Report, b: Report) -> Comparison:
    """The mean of ``a − b`` task by task, with its interval and p-value.

    Tasks differ far more in difficulty than learners in skill; on the same tasks that noise cancels. Where one report holds
    only the first tasks of the list (``evaluate(limit=...)``), these are compared; ``len(differences)`` says how many.

    Raises:
        TaskError: the reports were made on different task lists or with different metrics.

    >>> from quickstudy.evaluate import evaluate
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> source = Sinusoid()
    >>> zero = evaluate(lambda support: lambda x: 0 * x, source, tasks=50)
    >>> compare(zero, evaluate(Sinusoid.oracle, source, tasks=50)).p_value < 0.001
    True
    """
    if a.metric != b.metric or a.digest != b.digest:
        raise TaskError(
            f"{a.model} and {b.model} were judged on different tasks ({a.source}, list {a.digest}, and {b.source}, list "
            f"{b.digest}). Evaluate both on the same source with the same seed and number of tasks."
        )
    differences = tuple(x - y for x, y in zip(a.scores, b.scores, strict=False))
    return Comparison(a.model, b.model, a.metric, differences)
