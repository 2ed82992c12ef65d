"""How many tensors a file's description may ask for: no more than the file itself could fill."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch.overrides import TorchFunctionMode

from quickstudy.errors import ArtefactError

__all__ = ["Budget", "unbudgeted"]

_free: ContextVar[bool] = ContextVar("free", default=False)

_FACTORIES = {"empty", "empty_strided", "full", "ones", "rand", "randint", "randn", "zeros", "repeat", "tile"}
_FACTORIES |= {"new_empty", "new_full", "new_ones", "new_zeros"}
_COUNTED = {"arange": 1, "linspace": 1, "logspace": 1, "randperm": 1, "eye": 2, "tril_indices": 2, "triu_indices": 2}
"""Functions that make tensors of so many numbers, or of a power of that."""
_TIMES, _SPARE = 8, 10_000_000
_CALLS_EACH, _SPARE_CALLS = 200, 3_000


class Budget(TorchFunctionMode):
    """``with Budget(numbers, tensors):`` refuses to make far more tensors, or larger ones, than so many; before they are made.

    Args:
        numbers: in the tensors of a file.
        tensors: how many there are.

    >>> import torch
    >>> with Budget(100, 2):
    ...     torch.nn.Linear(10**6, 10**6)
    Traceback (most recent call last):
    quickstudy.errors.ArtefactError: the file describes networks far larger than its weights. It was altered: use a copy.
    """

    def __init__(self, numbers: int, tensors: int) -> None:
        super().__init__()
        self.largest = max(10**6, numbers)
        self._numbers = _TIMES * numbers + _SPARE
        self._calls = _CALLS_EACH * tensors + _SPARE_CALLS

    def allows(self, plan: Any) -> None:
        """Checks the integers of a blueprint, except seeds.

        Raises:
            ArtefactError: one is larger than any size of what is in the file.
        """
        if any(abs(value) > self.largest for value in _integers(plan)):
            raise _refusal()

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if _free.get():
            return function(*args, **kwargs)
        self._calls -= 1
        self._numbers -= _asked(getattr(function, "__name__", ""), args, kwargs)
        if self._calls < 0 or self._numbers < 0:
            raise _refusal()
        return function(*args, **kwargs)


@contextmanager
def unbudgeted() -> Iterator[None]:
    """Inside, tensors do not count: for weights whose file was found on this machine, with the hash that was asked for."""
    token = _free.set(True)
    try:
        yield
    finally:
        _free.reset(token)


def _asked(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """How many numbers a call of a function of this name would make, at most; 0 where it makes none of its own."""
    given = [*args, *(kwargs[key] for key in ("size", "n", "m", "end", "steps", "repeats") if key in kwargs)]
    if name in _COUNTED:
        return math.prod([max((int(each) for each in given if isinstance(each, int | float)), default=0)] * _COUNTED[name])
    if name not in _FACTORIES:
        return 0
    size = next((each for each in given if isinstance(each, list | tuple)), None)
    sides = given if size is None else size
    return math.prod(max(each, 1) for each in sides if isinstance(each, int) and not isinstance(each, bool))


def _integers(plan: Any) -> Iterator[int]:
    if isinstance(plan, int):
        yield plan
    elif isinstance(plan, list):
        for item in plan:
            yield from _integers(item)
    elif isinstance(plan, dict):
        for name, item in plan.items():
            if "seed" not in name:
                yield from _integers(item)


def _refusal() -> ArtefactError:
    return ArtefactError("the file describes networks far larger than its weights. It was altered: use a copy.")
