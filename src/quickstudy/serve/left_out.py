"""Whether what a predictor remembers holds its examples as they are: then they cannot be left out of a data base."""

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.tree import leaves
from quickstudy.learner import Predictor

__all__ = ["refuse_examples_in_state"]


def refuse_examples_in_state(predictor: Predictor) -> None:
    """Where the state holds examples as they are (nearest neighbours), leaving the support set out would hide that it does.

    Raises:
        LearnerError: a row of the support set is found in the state.
    """
    support = predictor.support
    assert support is not None
    rows = [leaf.flatten(1) for leaf in leaves(support.x) if leaf.is_floating_point()]
    for part in leaves(predictor.state):
        if not isinstance(part, Tensor) or part.ndim < 2:
            continue
        for x in rows:
            if part[0].numel() != x.shape[1]:
                continue
            kept = part.flatten(1)
            if bool(torch.isclose(kept[:, None], x[None].to(kept.dtype), atol=1e-6).all(-1).any()):
                name = type(predictor.learner).__name__
                raise LearnerError(
                    f"what {name} remembers of this task holds its examples as they are, so they cannot be dropped. Give more "
                    "examples of each class, use another learner, or keep them."
                )
