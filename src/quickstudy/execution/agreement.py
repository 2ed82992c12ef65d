"""Whether a learner and a source of tasks fit together: what targets mean, and how raw inputs become tensors."""

from typing import Any

from torch import nn

from quickstudy.borders.targets import Kind
from quickstudy.errors import LearnerError, TaskError
from quickstudy.inputs.border import other_targets
from quickstudy.learner import Learner
from quickstudy.likelihood import Likelihood
from quickstudy.tasks.source import TaskSource
from quickstudy.wrapper import LearnerWrapper

__all__ = ["agree", "disagreement", "hand_reads", "require_source"]


def agree(learner: Any, source: Any) -> None:
    """Compares both once, before training or evaluation begins.

    Raises:
        LearnerError: no learner, targets of another kind, or inputs that were read in another way.
        TaskError: no source of tasks.

    >>> from quickstudy.learners.optimization.maml import MAML
    >>> from quickstudy.tasks.sinusoid import Sinusoid
    >>> try:
    ...     agree(MAML(nn.Linear(1, 1)), Sinusoid())
    ... except LearnerError as error:
    ...     print(error)
    MAML learns classes, but the targets of sinusoid 10-shot 10 queries are values. Build it with likelihood=Gaussian().
    """
    require_source(source)
    if isinstance(learner, type):
        raise LearnerError(f"{learner.__name__} is the class of a learner. Build one: {learner.__name__}(...).")
    if not isinstance(learner, Learner):
        name = type(learner).__name__
        network = isinstance(learner, nn.Module)
        remedy = f"Put it into one: learners.MAML({name}(...))." if network else "Give one of quickstudy.learners."
        raise LearnerError(f"a {name} is no learner. {remedy}")
    found = disagreement(learner, source)
    if found is not None:
        raise LearnerError(found)


def require_source(source: Any) -> None:
    """Refuses anything that is not a source of tasks.

    Raises:
        TaskError: it is none; the text says what makes one of it, where that is known.
    """
    if isinstance(source, TaskSource):
        return
    if isinstance(source, type):
        raise TaskError(f"{source.__name__} is the class of a source. Build one: {source.__name__}(...).")
    remedy = "Give a source of quickstudy.tasks."
    if hasattr(source, "__getitem__") or hasattr(source, "dataset"):
        remedy = "Make an index of its data set, datasets.from_dataset(data), then few-shot tasks of it: tasks.FewShot(index)."
    if type(source).__name__ in ("ClassIndex", "Splits"):
        remedy = "Draw tasks from its classes: tasks.FewShot(index) (of three splits, one at a time)."
    raise TaskError(f"a {type(source).__name__} is no source of tasks. {remedy}")


def disagreement(learner: Learner[Any], source: TaskSource[Any]) -> str | None:
    """What does not fit, as a sentence with the remedy; None where all fits."""
    inner = _innermost(learner)
    mine, theirs = _kind(learner.likelihood), source.likelihood.targets
    if mine != theirs:
        return other_targets(type(inner), mine, theirs, source.name)
    if learner.reads is not None and source.reads is not None and learner.reads != source.reads:
        mine_again = learner.reads.again
        return (
            f"{type(inner).__name__} was trained on {learner.reads.things} as {learner.reads} makes them, but those of "
            f"{source.name} are made by {source.reads}. Read them in the learner's way: {mine_again}."
        )
    return None


def hand_reads(learner: Learner[Any], source: TaskSource[Any]) -> None:
    """A learner that does not know how raw things become its inputs learns it from the source of its training."""
    part: Any = learner
    while isinstance(part, Learner):
        if part.reads is None:
            part.reads = source.reads
        part = part.learner if isinstance(part, LearnerWrapper) else None


def _innermost(learner: Learner[Any]) -> Learner[Any]:
    while isinstance(learner, LearnerWrapper):
        learner = learner.learner
    return learner


def _kind(likelihood: Any) -> Kind:
    if isinstance(likelihood, Likelihood) and hasattr(likelihood, "targets"):
        return likelihood.targets
    if isinstance(likelihood, type) and issubclass(likelihood, Likelihood):
        raise LearnerError(f"likelihood={likelihood.__name__} is a class. Give one of it: likelihood={likelihood.__name__}().")
    raise LearnerError(
        f"the likelihood {likelihood!r} does not declare its targets. Add to its class: "
        'targets = "classes", "values" or "labels".'
    )
