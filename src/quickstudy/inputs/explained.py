"""Explains errors of PyTorch that come from a network which does not fit its tasks."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.task import Inputs, Task

__all__ = ["explained", "first_rows"]

_OF_SHAPES = re.compile(
    r"\b(size|sizes|shape|shapes|dimension|dimensions|channels|dtype|scalar type|expected|out of range)\b", re.I
)
_CHANNELS = re.compile(r"to have (\d+) channels, but got (\d+) channels")
_WIDTH = re.compile(r"\(\d+x(\d+) and (\d+)x\d+\)")
_NO_TENSOR = re.compile(r"'?\b(tuple|list|dict|NoneType|\w*Output\w*)\b'?")


@contextmanager
def explained(learner: Any, rows: Callable[[], Inputs]) -> Iterator[None]:
    """Turns errors of PyTorch about inputs that do not fit a network into one sentence; other errors pass unchanged.

    Args:
        learner: named in the sentence.
        rows: gives inputs of one task, to be described.

    Raises:
        ShapeError: inputs and network do not fit.
        LearnerError: the network returns something else than one tensor.
    """
    try:
        yield
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        if type(error) not in (RuntimeError, ValueError, IndexError, TypeError, AttributeError):
            raise  # one of ours, or memory that ran out
        name, said = type(learner).__name__, str(error).strip().splitlines()[0]
        other = _NO_TENSOR.search(said)
        if isinstance(error, TypeError | AttributeError):
            if other is None:
                raise
            raise LearnerError(
                f"a network in {name} returns a {other[1]} where one tensor is needed ({said}). Wrap it in a module that returns "
                "its features or outputs alone, one row for each input."
            ) from error
        if not _OF_SHAPES.search(said):
            raise
        raise ShapeError(f"a network in {name} does not fit its inputs: {_scene(rows())} ({said}). {_remedy(said)}") from error


def first_rows(tasks: Task) -> Callable[[], Inputs]:
    """Gives the query inputs of a batch's first task."""
    return lambda: map_leaves(lambda leaf: leaf[0], tasks.query.x)


def _scene(rows: Inputs) -> str:
    each = [f"{str(leaf.dtype).removeprefix('torch.')} of shape {tuple(leaf.shape[1:])}" for leaf in leaves(rows)]
    return f"one is {' and '.join(each)}"


def _remedy(said: str) -> str:
    channels, width = _CHANNELS.search(said), _WIDTH.search(said)
    if channels is not None:
        return (
            f"The network is built for {channels[1]} channels, the images have {channels[2]}: build it for {channels[2]} "
            f"(nn.Conv4(channels={channels[2]})), or read images with {channels[1]} (Images(channels={channels[1]}))."
        )
    if width is not None:
        return f"A layer takes rows of {width[2]} numbers and gets {width[1]}: build the network for inputs of this shape."
    return "Build the network for inputs of this shape and type, or change the inputs."
