"""Checks of the inputs of learners and predictors."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from quickstudy.borders.signatures import accepts
from quickstudy.borders.targets import Kind
from quickstudy.errors import DataError, LearnerError, ShapeError
from quickstudy.functional.spelled import Spelled
from quickstudy.functional.spelling import texts_of
from quickstudy.inputs.row_shape import refuse_missing
from quickstudy.likelihood import Categorical, Gaussian, Labels, Likelihood
from quickstudy.metrics.rejection import NONE_OF_THESE, Threshold
from quickstudy.task import Examples, Task

__all__ = ["class_names", "finite_outputs", "named_rows", "one_support_set", "other_targets", "right_targets"]

_USUAL: dict[Kind, Likelihood] = {"classes": Categorical(), "values": Gaussian(), "labels": Labels()}


def one_support_set(support: Any) -> None:
    """Refuses what is not ONE support set with all its numbers.

    Raises:
        LearnerError: it is something else.
        ShapeError: it is a batch of them.
        DataError: numbers are missing.
    """
    if not isinstance(support, Examples):
        remedy = "Give its support set." if isinstance(support, Task) else "Make one: Examples.of(inputs, labels)."
        raise LearnerError(f"a learner is called with a support set (Examples), not with a {type(support).__name__}. {remedy}")
    if support.mask.ndim != 1:
        raise ShapeError(
            f"a learner is called with ONE support set, not with a batch of {support.mask.shape[0]}. Take one: support[0]."
        )
    refuse_missing(support.x, "the support set's inputs")
    refuse_missing(support.y, "the support set's targets")


def class_names(classes: Sequence[Any], ways: int | None = None) -> tuple[str, ...]:
    """Names of classes, as many as ``ways`` where that is known.

    Raises:
        DataError: a name is no text, empty, or given twice.
        ShapeError: not one for each class.

    >>> class_names(["cat", "dog"], ways=2)
    ('cat', 'dog')
    """
    if isinstance(classes, str):
        raise DataError(f"classes={classes!r} is one text. Give a list of names, one for each class.")
    names = list(classes)
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{name!r} is no class name. Give each class a text that is not empty.")
    if ways is not None and len(names) != ways:
        raise ShapeError(f"{len(names)} class names for {ways} ways. Name each class.")
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise DataError(f"two classes have the name {twice!r}. Give each class a name of its own.")
    return tuple(map(str, names))


def right_targets(learner: Any, support: Examples) -> None:
    """Refuses a support set whose targets the learner's likelihood cannot explain: for example values for a learner of classes.

    Raises:
        LearnerError: with the remedy.
    """
    found = learner.likelihood.misfit(support.y, support.mask)
    if found is not None:
        raise LearnerError(other_targets(type(learner), learner.likelihood.targets, found, "the support set"))


def other_targets(owner: type, mine: Kind, theirs: Kind, whose: str) -> str:
    """That the targets of ``whose`` are of another kind than a learner of the class ``owner`` learns, and what to do."""
    usual = f"likelihood={type(_USUAL[theirs]).__name__}()"
    remedy = f"Choose a learner of {theirs}, learners.MAML(..., {usual}) for one."
    if accepts(owner, "likelihood", _USUAL[theirs]):
        remedy = f"Build it with {usual}."
    return f"{owner.__name__} learns {mine}, but the targets of {whose} are {theirs}. {remedy}"


def finite_outputs(outputs: Any, learner: str) -> Tensor:
    """``outputs`` (Q, N or P), if that is what they are.

    Raises:
        LearnerError: they are no tensor, or some are NaN or infinite.
    """
    if not isinstance(outputs, Tensor):
        raise LearnerError(f"{learner}.predict returned a {type(outputs).__name__}. It must return one tensor (Q, N or P).")
    wrong = (outputs.isnan() | outputs.isposinf()).flatten(1).any(1)
    if bool(wrong.any()):
        raise LearnerError(
            f"outputs of {learner} for {int(wrong.sum())} of {len(wrong)} inputs are NaN or infinite: its weights are, or its "
            "inner steps diverged on this support set. Lower the inner step size, or train again with clip=."
        )
    return outputs


def named_rows(
    likelihood: Likelihood, outputs: Callable[[], Tensor], classes: Sequence[str] | None, threshold: Threshold | None
) -> list[Any]:
    """The most probable class of each row of outputs (Q, N), by name or number, or "none of these" below a threshold.

    Of labels all whose probability is above ½ (or a threshold), a tuple for each row; of texts the most probable one.

    Raises:
        LearnerError: outputs of this likelihood are no classes.
    """
    if isinstance(likelihood, Labels):
        named = (likelihood.mean(outputs()) > (0.5 if threshold is None else threshold.least)).tolist()
        return [tuple(classes[i] if classes else str(i) for i, has in enumerate(row) if has) for row in named]
    if isinstance(likelihood, Spelled):
        return list(texts_of(likelihood.mean(outputs())))
    if not isinstance(likelihood, Categorical):
        raise LearnerError(f"outputs of {type(likelihood).__name__}() are no classes to be named. Call the predictor itself.")
    sure, best = likelihood.mean(outputs()).max(-1)
    rows = zip(sure.tolist(), best.tolist(), strict=True)
    return [
        NONE_OF_THESE if threshold is not None and p < threshold.least else classes[i] if classes else str(i) for p, i in rows
    ]
