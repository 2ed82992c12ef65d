"""What an evaluation refuses: tasks without queries, and outputs that are NaN or infinite."""

from torch import Tensor

from quickstudy.errors import LearnerError, TaskError
from quickstudy.likelihood import Labels, Likelihood
from quickstudy.task import Task

__all__ = ["require_numbers", "require_queries"]


def require_queries(tasks: Task, likelihood: Likelihood, first: int) -> None:
    """Refuses a task of a batch without any query that counts: its score would be 0, which for an error is perfect.

    Args:
        tasks: a batch.
        likelihood: of their targets.
        first: the number of its first task.

    Raises:
        TaskError: with the number of the task.
    """
    if isinstance(likelihood, Labels):
        empty = (tasks.support.y * tasks.support.mask[..., None]).sum((1, 2)) <= 0
        if bool(empty.any()) and tasks.support.mask.shape[1]:
            raise TaskError(
                f"task {first + int(empty.nonzero()[0])} (the first is 0) has no label in its support set, so it has no score. "
                "Leave it out of the list, or give it more support rows."
            )
    counted = likelihood.counted(tasks.query.y, tasks.query.mask).sum(-1)
    if not bool((counted > 0).all()):
        number = first + int((counted <= 0).nonzero()[0])
        raise TaskError(
            f"task {number} (the first is 0) has no query of a class in its support set, so it has no score. "
            "Leave it out of the list, or give it queries."
        )


def require_numbers(scores: Tensor, model: str, first: int) -> None:
    """Refuses scores (B,) that are NaN or infinite, as those of such outputs.

    Args:
        scores: of a batch of tasks.
        model: named in the message.
        first: the number of its first task.

    Raises:
        LearnerError: with the number of the task.
    """
    wrong = ~scores.isfinite()
    if bool(wrong.any()):
        what = "NaN" if bool(scores.isnan().any()) else "infinite values"
        raise LearnerError(
            f"{model} answered {what} in task {first + int(wrong.nonzero()[0])} (the first is 0), and in {int(wrong.sum())} of "
            f"{len(scores)} tasks with it. Look for weights that are NaN, inner steps that are too large (inner_lr), or a "
            "division by 0."
        )
