"""The self-test of a saved learner or predictor: what it gave for made-up inputs where it was saved, compared at each load."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.errors import ArtefactError, LearnerError
from quickstudy.functional.tree import leaves, map_leaves, to
from quickstudy.inputs.made_up import made_up
from quickstudy.learner import Learner, Predictor, evaluating
from quickstudy.likelihood import ABSENT

__all__ = ["given", "refuse_other"]

_ROWS = 2
_MOST = 1_000_000
"""Numbers in a row, beyond which a file's word on what its inputs are is not worth the memory."""
_NEAR = 1e-3
"""The largest deviation, as a share of the largest number; more where the numbers are of few bits or were made on a GPU."""
_NEAR_GPU = 2e-2
_ROUNDINGS = 16


def given(thing: Learner[Any] | Predictor) -> dict[str, Any]:
    """What ``thing`` gives here for rows that are made up again at each load: a predictor's outputs, a learner's features.

    Empty where nothing says what an input looks like, where random numbers decide, where a network of one's own refuses what is
    made up, and for a learner without an encoder: what it knows without a support set is nothing but its weights.
    """
    run = _probe(thing)
    try:
        found = [] if run is None else run()
    except Exception:  # a network of one's own refuses rows in its own way
        return {}
    if not found:
        return {}
    near = max(_ROUNDINGS * torch.finfo(leaf.dtype).eps for leaf in found)
    return {"outputs": found, "near": max(near, _NEAR if found[0].device.type == "cpu" else _NEAR_GPU)}


def refuse_other(thing: Learner[Any] | Predictor, wanted: Any, made_by: str, path: str | Path) -> None:
    """Compares what ``thing`` gives here with what `given` found where it was saved.

    Args:
        thing: that was loaded.
        wanted: what `given` found; nothing is compared if that is nothing.
        made_by: the version that saved it, for the message.
        path: of the file, for the message.

    Raises:
        ArtefactError: other numbers, or none at all.
    """
    run = _probe(thing)
    if not wanted or run is None:
        return
    what = "predictor" if isinstance(thing, Predictor) else "learner"
    remedy = f"It was saved by {made_by}: load it there, or make it anew; load(path, check=False) loads it all the same."
    try:
        far = max(_apart(mine, theirs) for mine, theirs in zip(run(), wanted["outputs"], strict=True))
        passed = far <= wanted["near"]
    except Exception as error:  # whatever an altered state makes of the learner's code
        raise ArtefactError(f"the {what} in {path} fails its self-test ({error}). {remedy}") from error
    if not passed:
        raise ArtefactError(
            f"the {what} in {path} answers its self-test otherwise than where it was saved: {far:.1g} of the largest number "
            f"apart, where {wanted['near']:.1g} is allowed. {remedy}"
        )


def _probe(thing: Learner[Any] | Predictor) -> Callable[[], list[Tensor]] | None:
    learner = thing.learner if isinstance(thing, Predictor) else thing
    if learner.facts.stochastic or not (isinstance(thing, Predictor) or learner.encodes):
        return None
    try:
        x = made_up(thing.reads, thing.rows if isinstance(thing, Predictor) else None, _ROWS, _MOST)
    except LearnerError:
        return None

    def run() -> list[Tensor]:
        if isinstance(thing, Predictor):
            return [thing(x)]
        weight = next((each for each in leaves(learner.state_dict()) if each.is_floating_point()), torch.empty(0))
        rows = map_leaves(lambda leaf: leaf.to(weight.dtype) if leaf.is_floating_point() else leaf, to(x, weight.device))
        with evaluating(learner), torch.no_grad():
            placed = pytree.tree_flatten_with_path(learner.encode(rows))[0]
        placed.sort(key=lambda each: pytree.keystr(each[0]))  # parts of a rebuilt network may come in another order
        return [leaf for _, leaf in placed if leaf.is_floating_point()]

    return run


def _apart(mine: Tensor, wanted: Tensor) -> float:
    """The largest difference of two tensors, as a share of the largest number that is no absent class's."""
    if (mine.shape, mine.dtype) != (wanted.shape, wanted.dtype):
        raise ValueError(f"{tuple(mine.shape)} of {mine.dtype} instead of {tuple(wanted.shape)} of {wanted.dtype}")
    mine, wanted = mine.detach().cpu().double(), wanted.double()
    real = wanted[wanted.isfinite() & (wanted > ABSENT / 2)]
    size = float(real.abs().max()) if real.numel() else 0.0
    gap = float(torch.where(mine == wanted, 0.0, (mine - wanted).abs()).max()) if mine.numel() else 0.0
    return math.inf if math.isnan(gap) else gap / (size or 1.0)
