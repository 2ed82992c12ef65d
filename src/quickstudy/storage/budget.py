"""How many tensors a file's description may ask for: no more than the file itself could fill."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from quickstudy.errors import ArtefactError

__all__ = ["Budget"]

_SIZES = ("size", "end", "steps", "repeats")
_TIMES, _SPARE = 8, 10_000_000
_CALLS_EACH, _SPARE_CALLS = 200, 10_000


class Budget(TorchDispatchMode):  # type: ignore[no-untyped-call]
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
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest = max(10**6, numbers)
        self._numbers = _TIMES * numbers + _SPARE
        self._calls = _CALLS_EACH * tensors + _SPARE_CALLS

    def allows(self, plan: Any) -> None:
        """Looks at the integers of a blueprint, seeds left aside.

        Raises:
            ArtefactError: one is larger than any size of what is in the file.
        """
        if any(abs(value) > self.largest for value in _integers(plan)):
            raise _refusal()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        self._calls -= 1
        if any(each.alias_info for each in function._schema.returns):  # a view, or an operation in place
            asked = 0
        else:
            given = dict(zip((each.name for each in function._schema.arguments), args, strict=False)) | kwargs
            asked = max((_product(given[name]) for name in _SIZES if name in given), default=0)
            if "n" in given:  # the side of torch.eye
                asked = given["n"] * given.get("m", given["n"])
        self._numbers -= asked
        if self._calls < 0 or self._numbers < 0:
            raise _refusal()
        return function(*args, **kwargs)


def _product(size: Any) -> int:
    if isinstance(size, int):  # arange and linspace make as many, eye its square
        return size
    return math.prod(size) if isinstance(size, list | tuple) and all(isinstance(each, int) for each in size) else 0


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
