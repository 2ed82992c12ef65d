"""Predictions of many tasks at once: one call of the encoder for all that wait, then one batched prediction over their states."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.errors import UserError
from quickstudy.execution.vmap_safety import unsafe_layer
from quickstudy.functional.tree import cat, leading, map_leaves, stack
from quickstudy.inputs.border import finite_outputs
from quickstudy.learner import Learner, Predictor
from quickstudy.nn.value import value_of
from quickstudy.task import Inputs

__all__ = ["predicted_each", "predicted_together"]


def predicted_each(learner: Learner[Any], asked: Sequence[tuple[Predictor, Inputs]]) -> list[Tensor | Exception]:
    """As `predicted_together`; where one of them fails, each is predicted alone, so that no one answers for another."""
    if not asked:
        return []
    try:
        return list(predicted_together(learner, asked))
    except Exception as error:
        return [error] if len(asked) == 1 else [one for each in asked for one in predicted_each(learner, [each])]


def predicted_together(learner: Learner[Any], asked: Sequence[tuple[Predictor, Inputs]]) -> list[Tensor]:
    """Outputs of several predictors of one learner, each for inputs of its own.

    Inputs of one shape are encoded in one call. States of one shape are stacked and predicted by `torch.func.vmap`, queries
    padded to the longest, where the learner may be mapped and a query's answer depends on no other.

    Args:
        learner: of all of them.
        asked: predictors, and rows of inputs as the predictor's ``reads`` gives them.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> learner = ProtoNet(torch.nn.Flatten())
    >>> one, two = (learner(Examples.of(x, [0, 1])) for x in (torch.eye(2), 3 * torch.eye(2)))
    >>> x = torch.tensor([[1.0, 0.2]])
    >>> found = predicted_together(learner, [(one, x), (two, torch.cat([x, x]))])
    >>> [bool(torch.allclose(output, predictor(x))) for output, predictor in zip(found, (one, two))]
    [True, True]
    """
    rows = [predictor.rows.read(x) if predictor.rows is not None else x for predictor, x in asked]
    with torch.no_grad(), value_of(learner).lent() as shell:
        features = _encoded(shell, rows)
        groups: dict[Any, list[int]] = {}
        mappable = shell.facts.batchable and not shell.facts.transductive and unsafe_layer(shell) is None
        for number, (predictor, _) in enumerate(asked):
            parts, form = pytree.tree_flatten((predictor.state, map_leaves(lambda leaf: leaf[0], features[number])))
            shapes = tuple((tuple(p.shape), p.dtype) if isinstance(p, Tensor) else p for p in parts)
            groups.setdefault((form, shapes) if mappable else number, []).append(number)
        found: list[Tensor] = [torch.empty(0)] * len(asked)
        for numbers in groups.values():
            states = [asked[number][0].state for number in numbers]
            for number, output in zip(numbers, _predicted(shell, states, [features[n] for n in numbers]), strict=True):
                found[number] = finite_outputs(output, type(learner).__name__)
    return found


def _encoded(learner: Learner[Any], rows: Sequence[Inputs]) -> list[Inputs]:
    """Features of each request's rows; rows of one shape go through the encoder together."""
    groups: dict[Any, list[int]] = {}
    for number, x in enumerate(rows):
        parts, form = pytree.tree_flatten(x)
        groups.setdefault((form, tuple((tuple(p.shape[1:]), p.dtype) for p in parts)), []).append(number)
    found: list[Inputs] = [None] * len(rows)
    for numbers in groups.values():
        together = learner.encode(cat([rows[number] for number in numbers]) if len(numbers) > 1 else rows[numbers[0]])
        start = 0
        for number in numbers:
            end = start + leading(rows[number])
            found[number] = map_leaves(lambda leaf, start=start, end=end: leaf[start:end], together)
            start = end
    return found


def _predicted(learner: Learner[Any], states: Sequence[Any], features: Sequence[Inputs]) -> list[Tensor]:
    counts = [leading(x) for x in features]
    if len(states) == 1:
        return [learner.predict(states[0], features[0])]
    longest = max(counts)
    padded = [map_leaves(lambda leaf: _longer(leaf, longest), x) for x in features]
    try:
        outputs: Tensor = torch.func.vmap(learner.predict)(stack(list(states)), stack(padded))
    except (RuntimeError, UserError):  # what cannot be mapped is done one by one
        return [learner.predict(state, x) for state, x in zip(states, features, strict=True)]
    return [output[:count] for output, count in zip(outputs, counts, strict=True)]


def _longer(leaf: Tensor, rows: int) -> Tensor:
    """With its first row again and again."""
    return torch.cat([leaf, leaf[:1].expand(rows - len(leaf), *leaf.shape[1:])]) if len(leaf) < rows else leaf
