"""A predictor of more examples, and of classes that it did not have: what it learned before is kept."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional.tree import cat, leaves, map_leaves, to
from quickstudy.inputs.border import class_names, finite_outputs, one_support_set, right_targets
from quickstudy.inputs.explained import explained
from quickstudy.learner import Predictor
from quickstudy.nn.value import value_of
from quickstudy.task import Examples

__all__ = ["updated"]


def updated(predictor: Predictor, more: Examples, classes: Sequence[str] | None = None) -> Predictor:
    """The predictor of the union of its support set and more examples.

        ``updated(learner(a), b) = learner(a ∪ b)``

    Where no class is new and the learner offers ``update``, its state is updated; otherwise the learner is adapted again, to the
    encoded support set that the predictor keeps and the encoded new examples. The classes that the predictor has keep their
    places; new ones follow in the order given. A threshold is left out: it was calibrated for another support set.

    Args:
        predictor: it stays as it is.
        more: ONE raw support set; rows of mask 0 are padding.
        classes: names of the columns of ``more``, known or new. Left out, columns are those of the predictor, in its order, and
            where its classes have no names, further columns are new classes.

    Raises:
        LearnerError: the predictor does not keep its support set, or targets are of another kind.
        ShapeError: inputs of another shape, or classes that are not named.
        DataError: numbers are missing, or names are empty or equal.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> pets = ProtoNet(torch.nn.Flatten())(Examples.of([[0.0], [1.0]], [0, 1]), ["cat", "dog"])
    >>> more = updated(pets, Examples.of([[5.0], [7.0], [2.0]], [0, 0, 1]), ["newt", "dog"])
    >>> more.classes, more.state.means.flatten().tolist(), more.names([[5.5]])
    (('cat', 'dog', 'newt'), [0.0, 1.5, 6.0], ['newt'])
    """
    kept = predictor.support
    if kept is None:
        raise LearnerError(
            "this predictor does not keep its support set, so nothing can be added to it. Adapt anew to all examples, and keep "
            "them (on the command line without --drop-support)."
        )
    one_support_set(more)
    right_targets(predictor.learner, more)
    more = more.trim()
    x = more.x if predictor.rows is None else predictor.rows.read(more.x)
    names, columns = _columns(predictor, kept.y.shape[1], more.y.shape[1], classes)
    width = max(kept.y.shape[1], *(column + 1 for column in columns))
    y = more.y.new_zeros(len(more), width)
    y[:, columns] = more.y
    lent = value_of(predictor.learner).lent()
    with torch.inference_mode(False), torch.no_grad(), lent as learner, explained(predictor.learner, lambda: x):
        fresh = Examples(learner.encode(x), y.to(kept.y.dtype), more.mask.to(kept.mask.dtype))
        fresh = to(fresh, leaves(kept)[0].device)
        both: Examples = cat([Examples(kept.x, _wider(kept.y, width), kept.mask), fresh])
        offers = width == kept.y.shape[1] and hasattr(learner, "update")
        state = learner.update(predictor.state, fresh) if offers else learner.adapt(both)  # type: ignore[operator]
        outputs = learner.predict(state, map_leaves(lambda leaf: leaf[:1], fresh.x))
    finite_outputs(outputs, type(learner).__name__)
    return replace(predictor, state=state, classes=names, support=both, threshold=None)


def _columns(
    predictor: Predictor, had: int, given: int, classes: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, list[int]]:
    """The names of all classes, and the column of each of the new examples' columns among them."""
    if predictor.learner.likelihood.targets != "classes":
        if given != had:
            raise ShapeError(f"the support set's targets have {had} columns, these {given}. Give the same.")
        return predictor.classes, list(range(had))
    if classes is None:
        if given > had and predictor.classes is not None:
            raise ShapeError(f"{given} columns of classes for a predictor of {had}. Name each: classes=[…].")
        return predictor.classes, list(range(given))
    known = list(predictor.classes or map(str, range(had)))
    more = class_names(classes, given)
    names = known + [name for name in more if name not in known]
    return tuple(names), [names.index(name) for name in more]


def _wider(y: Tensor, columns: int) -> Tensor:
    return torch.nn.functional.pad(y, (0, columns - y.shape[1]))
