"""What a file keeps beside weights and state: the encoded support set, the threshold of "none of these", the temperature."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from quickstudy.errors import ArtefactError
from quickstudy.functional.tree import leaves
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.metrics.rejection import Threshold
from quickstudy.metrics.temperature import Temperature
from quickstudy.task import Examples

__all__ = ["kept_description", "kept_support", "kept_temperature", "kept_threshold", "kept_tree"]

Record = TypeVar("Record")


def kept_description(support: Examples | None, threshold: Threshold | None) -> dict[str, Any]:
    """What a file says of them: how many examples it keeps, and the threshold."""
    return {
        "support": None if support is None else int(support.mask.sum()),
        "threshold": None if threshold is None else asdict(threshold),
    }


def kept_tree(support: Examples | None) -> dict[str, Any]:
    """The support set's real rows as a tree of tensors, ready to be written."""
    if support is None:
        return {}
    real = support.trim()
    return {"support": {"x": real.x, "y": real.y}}


def kept_support(found: Any, path: str | Path) -> Examples | None:
    """The support set that `kept_tree` laid out.

    Raises:
        ArtefactError: it is none.
    """
    if found is None:
        return None
    try:
        x, y = found["x"], found["y"]
        rows = leaves(x)
        sound = isinstance(y, Tensor) and y.ndim == 2 and y.is_floating_point() and bool(rows)
        sound = sound and all(isinstance(leaf, Tensor) and leaf.ndim >= 1 and len(leaf) == len(y) for leaf in rows)
        sound = sound and all(bool(torch.isfinite(leaf).all()) for leaf in (*rows, y) if leaf.is_floating_point())
    except (ArithmeticError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ArtefactError(f"{path} holds no support set where one should be. It was altered: use a copy.")
    return Examples(x, y, y.new_ones(len(y)))


def kept_threshold(description: Mapping[str, Any], path: str | Path) -> Threshold | None:
    """The threshold in a file's description.

    Raises:
        ArtefactError: it is none.
    """
    return _record(description, "threshold", Threshold.from_json, path)


def kept_temperature(description: Mapping[str, Any], likelihood: Likelihood, path: str | Path) -> Temperature | None:
    """The temperature in the description of a file whose learner has this likelihood.

    Raises:
        ArtefactError: it is none.
    """
    known = _record(description, "temperature", Temperature.from_json, path)
    if known is not None and type(likelihood) is not Categorical:
        raise ArtefactError(f"{path} has a temperature, but no classes. It was altered: use a copy.")
    return known


def _record(description: Mapping[str, Any], name: str, read: Callable[[Any], Record], path: str | Path) -> Record | None:
    found = description.get(name)
    try:
        return None if found is None else read(found)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} describes its {name} wrongly: {error}. It was altered: use a copy.") from error
