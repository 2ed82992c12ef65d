"""What a learner and a predictor refuse at their border, each in a sentence; the mathematics inside has no checks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from quickstudy.errors import DataError, LearnerError, ShapeError
from quickstudy.functional.tree import leading
from quickstudy.inputs.row_shape import RowShape, refuse_missing
from quickstudy.task import Examples, Inputs, Task

__all__ = ["class_names", "explained", "finite_outputs", "one_support_set"]


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


@contextmanager
def explained(learner: str, x: Inputs) -> Iterator[None]:
    """PyTorch's own messages on shapes and types inside a network, with the scene; what else is raised passes.

    Raises:
        ShapeError: the network refused the inputs ``x``.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if type(error) not in (RuntimeError, ValueError):  # one of ours, or memory that ran out
            raise
        raise ShapeError(
            f"{learner} cannot compute with {leading(x)} rows of inputs of {RowShape.of(x)} "
            f"({str(error).strip().splitlines()[0]}). Give inputs of the shape and type that its network was built for."
        ) from error


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
