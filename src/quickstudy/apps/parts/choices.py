"""Settings that a baseline is tuned over: all combinations of some values."""

from collections.abc import Mapping
from itertools import product
from typing import Any

__all__ = ["choices"]


def choices(**values: tuple[Any, ...]) -> tuple[Mapping[str, Any], ...]:
    """All combinations of values of arguments, see `Baseline.choices`.

    >>> choices(C=(1, 10), balanced=(True,))
    ({'C': 1, 'balanced': True}, {'C': 10, 'balanced': True})
    """
    return tuple(dict(zip(values, found, strict=True)) for found in product(*values.values()))
