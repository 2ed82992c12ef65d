"""Why a predictor answers as it does: which of its support examples the answer rests on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.borders.arguments import whole
from quickstudy.errors import LearnerError
from quickstudy.functional.spelled import Spelled
from quickstudy.functional.tree import map_leaves
from quickstudy.learner import Predictor
from quickstudy.likelihood import Likelihood
from quickstudy.task import Inputs
from quickstudy.use.own_support import kept_support, predicted_by_others

__all__ = ["Evidence", "evidence"]

_MOST_EXAMPLES = 500


@dataclass(frozen=True)
class Evidence:
    """What one support example is worth in one answer.

    Args:
        row: its number in the support set, from 0.
        label: its class; None where targets are values, labels or texts.
        weight: by how much the answer would fall without it: of the named class's or text's probability, or of the value.
    """

    row: int
    label: str | None
    weight: float


def evidence(predictor: Predictor, x: Inputs, *, most: int = 3, seed: int = 0) -> list[list[Evidence]]:
    """For each query the support examples that count for most in its answer, the largest weight first.

        ``w_s = p(y* | support) − p(y* | support without s)``,    ``y*`` the named class

    Each weight is exact: the same learner is adapted without that example. Of values it is the change of the first one, and the
    largest changes of either sign come first; of texts that of the probability of the answer.

    Args:
        predictor: with its support set, of at least two and at most 500 examples.
        x: inputs as the predictor takes them, leading axis Q.
        most: examples for each query.
        seed: of whatever the learner draws.

    Raises:
        LearnerError: the predictor does not keep its support set, which has too few examples or too many.

    >>> from quickstudy.learners.metric.matching import MatchingNet
    >>> from quickstudy.task import Examples
    >>> support = Examples.of([[1.0, 0.0], [0.9, 0.3], [0.0, 1.0]], [0, 0, 1])
    >>> predictor = MatchingNet(torch.nn.Flatten())(support, ["right", "up"])
    >>> [(each.row, each.label, each.weight > 0) for each in evidence(predictor, torch.tensor([[1.0, 0.1]]), most=2)[0]]
    [(0, 'right', True), (1, 'right', True)]
    """
    whole(LearnerError, most=most)
    support = kept_support(predictor)
    count = len(support)
    if not 2 <= count <= _MOST_EXAMPLES:
        raise LearnerError(
            f"this predictor has {count} support example{'s' if count > 1 else ''}, but weights of examples need 2 to "
            f"{_MOST_EXAMPLES}."
        )
    likelihood = predictor.learner.stated
    classes = likelihood.targets == "classes"
    outputs = predictor(x)
    said = likelihood.mean(outputs)
    column = said.argmax(1) if classes else torch.zeros(len(said), dtype=torch.long)
    spelled = isinstance(likelihood, Spelled)
    whole_answer = _of_text(likelihood, outputs, said) if spelled else said.gather(1, column[:, None])[:, 0]
    encoded = predictor.encoded(x)
    weights = said.new_empty(len(said), count)
    with predicted_by_others(predictor, seed) as predict:
        for row in range(count):
            others = torch.arange(count) != row
            left = predict(support[others], map_leaves(torch.clone, encoded))
            kept = _of_text(likelihood, left, said) if spelled else likelihood.mean(left).gather(1, column[:, None])[:, 0]
            weights[:, row] = whole_answer - kept
    order = (weights if classes or spelled else weights.abs()).neg().argsort(stable=True)[:, :most]
    names = _names(predictor, support.y) if classes else None
    return [
        [Evidence(int(row), None if names is None else names[int(row)], float(weights[query, row])) for row in rows]
        for query, rows in enumerate(order)
    ]


def _of_text(likelihood: Likelihood, outputs: Tensor, texts: Tensor) -> Tensor:
    """The probability (Q,) of a text for each query."""
    return likelihood.each(outputs, texts).neg().exp()


def _names(predictor: Predictor, y: Tensor) -> list[str]:
    known = predictor.classes or tuple(map(str, range(y.shape[1])))
    return [known[label] for label in y.argmax(1).tolist()]
