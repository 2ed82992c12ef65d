"""Predictions of many tasks at once: one call of the encoder for all that wait, then one batched prediction over their states."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.errors import UserError
from quickstudy.execution.vmap_safety import unsafe_layer
from quickstudy.functional.tree import cat, leading, map_leaves, split, stack
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
    with torch.no_grad(), value_of(learner).lent() as shell:
        features = _encoded(shell, asked)
        groups: dict[Any, list[int]] = {}
        mappable = shell.facts.batchable and not shell.facts.transductive and unsafe_layer(shell) is None
        for number, (predictor, _) in enumerate(asked):
            groups.setdefault((_form(predictor), _row_form(features[number])) if mappable else number, []).append(number)
        found: list[Tensor] = [torch.empty(0)] * len(asked)
        for numbers in groups.values():
            outputs = _predicted(shell, [asked[n][0].state for n in numbers], [features[n] for n in numbers])
            checked = finite_outputs(torch.cat(outputs) if len(outputs) > 1 else outputs[0], type(learner).__name__)
            for number, output in zip(numbers, torch.split(checked, [len(output) for output in outputs]), strict=True):
                found[number] = output
    return found


_forms: WeakKeyDictionary[Predictor, Any] = WeakKeyDictionary()


def _form(predictor: Predictor) -> Any:
    """What two states have in common that can be stacked; a predictor never changes, so it is found once."""
    found = _forms.get(predictor)
    if found is None:
        parts, form = pytree.tree_flatten(predictor.state)
        shapes = tuple((tuple(p.shape), p.dtype) if isinstance(p, Tensor) else p for p in parts)
        _forms[predictor] = found = (form, shapes)
    return found


def _row_form(x: Inputs) -> Any:
    if isinstance(x, Tensor):
        return tuple(x.shape[1:]), x.dtype
    parts, form = pytree.tree_flatten(x)
    return form, tuple((tuple(p.shape[1:]), p.dtype) for p in parts)


def _encoded(learner: Learner[Any], asked: Sequence[tuple[Predictor, Inputs]]) -> list[Inputs]:
    """Features of each request's rows; rows of one shape are checked together and go through the encoder together."""
    groups: dict[Any, list[int]] = {}
    for number, (predictor, x) in enumerate(asked):
        groups.setdefault((predictor.rows, _row_form(x)), []).append(number)
    found: list[Inputs] = [None] * len(asked)
    for (shape, _), numbers in groups.items():
        rows = cat([asked[number][1] for number in numbers]) if len(numbers) > 1 else asked[numbers[0]][1]
        together = learner.encode(rows if shape is None else shape.read(rows))
        for number, features in zip(numbers, split(together, [leading(asked[number][1]) for number in numbers]), strict=True):
            found[number] = features
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
