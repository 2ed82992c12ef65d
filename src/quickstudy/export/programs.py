"""What is exported: functions of named tensors, with the state of a task among the inputs, or inside."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from quickstudy.errors import LearnerError
from quickstudy.learner import Learner
from quickstudy.likelihood import Likelihood
from quickstudy.task import Examples, Inputs

__all__ = ["Adapting", "Folded", "Predicting", "answer_names", "answered", "named_tensors"]


class Predicting(nn.Module):
    """A prediction for any task: a function of the state's tensors and of raw inputs.

    Args:
        learner: in eval mode.
        state, x: trees like those that will be given.
    """

    def __init__(self, learner: Learner[Any], state: Any, x: Inputs) -> None:
        super().__init__()
        self.learner = learner
        self.state_form, self.x_form = pytree.tree_structure(state), pytree.tree_structure(x)

    def forward(self, state: list[Tensor], x: list[Tensor]) -> tuple[Tensor, ...]:
        return answered(self.learner, pytree.tree_unflatten(state, self.state_form), pytree.tree_unflatten(x, self.x_form))


class Folded(nn.Module):
    """A prediction for one task, whose state is inside.

    Args:
        learner: in eval mode.
        state: of the task.
        x: a tree like the inputs that will be given.
    """

    def __init__(self, learner: Learner[Any], state: Any, x: Inputs) -> None:
        super().__init__()
        self.learner = learner
        tensors, self.state_form = pytree.tree_flatten(state)
        self.x_form = pytree.tree_structure(x)
        self.count = len(tensors)
        for number, tensor in enumerate(tensors):
            self.register_buffer(f"state_{number}", tensor)

    def forward(self, x: list[Tensor]) -> tuple[Tensor, ...]:
        state = [getattr(self, f"state_{number}") for number in range(self.count)]
        return answered(self.learner, pytree.tree_unflatten(state, self.state_form), pytree.tree_unflatten(x, self.x_form))


class Adapting(nn.Module):
    """An adaptation: a function of a raw support set to the state's tensors.

    Args:
        learner: in eval mode.
        x: a tree like the inputs that will be given.
    """

    def __init__(self, learner: Learner[Any], x: Inputs) -> None:
        super().__init__()
        self.learner, self.x_form = learner, pytree.tree_structure(x)

    def forward(self, x: list[Tensor], y: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        support = Examples(self.learner.encode(pytree.tree_unflatten(x, self.x_form)), y, mask)
        return tuple(leaf.clone() for leaf in pytree.tree_leaves(self.learner.adapt(support)))  # none is an input itself


def answered(learner: Learner[Any], state: Any, x: Inputs) -> tuple[Tensor, ...]:
    """The outputs, and what they mean where that is something else."""
    outputs = learner.predict(state, learner.encode(x))
    return (outputs, learner.stated.mean(outputs)) if len(answer_names(learner.likelihood)) == 2 else (outputs,)


def answer_names(likelihood: Likelihood) -> tuple[str, ...]:
    """Names of what a prediction gives: logits and probabilities, or values.

    >>> from quickstudy.likelihood import Categorical, Gaussian
    >>> answer_names(Categorical()), answer_names(Gaussian())
    (('logits', 'probabilities'), ('values',))
    """
    if likelihood.targets != "values":
        return ("logits", "probabilities")
    probe = torch.ones(1, 2)
    return ("values",) if likelihood.mean(probe) is probe else ("outputs", "values")


def named_tensors(tree: Any, name: str) -> dict[str, Tensor]:
    """The tensors of a tree by their places in it; a single tensor has the ``name`` alone.

    Raises:
        LearnerError: the tree holds something that is no tensor.

    >>> list(named_tensors({"means": torch.zeros(2), "net": {"0.bias": torch.zeros(1)}}, "state"))
    ['state.means', 'state.net.0.bias']
    """
    if isinstance(tree, Tensor):
        return {name: tree}
    found: dict[str, Tensor] = {}
    for path, leaf in pytree.tree_flatten_with_path(tree)[0]:
        if not isinstance(leaf, Tensor):
            raise LearnerError(
                f"a {type(leaf).__name__} stands in the {name}, which a program takes as tensors. Keep tensors in it."
            )
        place = _unique(f"{name}.{_plain(pytree.keystr(path))}", found)
        found[place] = leaf
    return found


def _plain(path: str) -> str:
    """A place as PyTorch writes it, ``['net'][0].bias``, as words and numbers between dots."""
    return ".".join(re.findall(r"[A-Za-z0-9_]+", path))


def _unique(name: str, taken: Sequence[str] | dict[str, Any]) -> str:
    return name if name not in taken else _unique(f"{name}_", taken)
