"""A task examined by its own examples, as a client gets it."""

from typing import Any

from quickstudy.learner import Predictor
from quickstudy.use.mislabelled import mislabelled
from quickstudy.use.own_support import kept_support, left_out

__all__ = ["examined", "labels_of"]


def examined(predictor: Predictor) -> dict[str, Any]:
    """The left-out score with its interval, and the examples that look mislabelled.

    Raises:
        LearnerError: the predictor does not keep its support set.
    """
    found = left_out(predictor)
    score, classes = found.score, predictor.classes or ()
    known = {} if score is None else {"metric": score.metric, "value": score.value, "interval": list(score.interval)}
    suspects = mislabelled(found) if found.likelihood.targets == "classes" and score is not None else []
    named = [
        {"example": each.row, "label": classes[each.label], "looks_like": classes[each.likelier], "probability": each.other}
        for each in suspects
    ]
    return {"score": known or None, "alone": list(found.alone), "suspects": named}


def labels_of(predictor: Predictor) -> list[str | None]:
    """The class of each support example; None where targets are no classes."""
    y = kept_support(predictor).y
    if predictor.learner.likelihood.targets != "classes":
        return [None] * len(y)
    names = predictor.classes or tuple(map(str, range(y.shape[1])))
    return [names[label] for label in y.argmax(1).tolist()]
