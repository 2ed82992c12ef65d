"""What the arguments of a call may be, read from its signature: the border of recipes and of commands."""

import functools
import inspect
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from quickstudy.errors import Argument, ArgumentError, nearest

__all__ = ["AtLeast", "check_arguments", "checked"]

_P = ParamSpec("_P")
R = TypeVar("R")

_MOST = 2**32 - 1
"""What seeds of all libraries can be; counts of steps, tasks or channels stay far below."""


@dataclass(frozen=True)
class AtLeast:
    """The smallest value of a whole-number argument, where it is not 1, or 0 for one whose default is 0."""

    low: int


def checked(call: Callable[_P, R]) -> Callable[_P, R]:
    """A function that refuses, before it does anything, arguments that its signature rules out.

    Whole numbers are at least 1 (0 where the default is 0, or what `AtLeast` says), other numbers finite and not negative,
    words those of their ``Literal``. What a learner or a source knows better, it checks itself.

    Raises:
        ArgumentError: such an argument.

    >>> @checked
    ... def recipe(*, steps: int = 100, lr: float = 1e-3): ...
    >>> recipe(lr=float("nan"))
    Traceback (most recent call last):
        ...
    quickstudy.errors.ArgumentError: lr must be a finite number of at least 0, not nan.
    """
    signature = inspect.signature(call)

    @functools.wraps(call)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> R:
        check_arguments(call, signature.bind(*args, **kwargs).arguments)
        return call(*args, **kwargs)

    return guarded


def check_arguments(call: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuses arguments that the signature of ``call`` rules out, see `checked`.

    Raises:
        ArgumentError: such an argument.
    """
    hints = get_type_hints(call, include_extras=True)
    for name, parameter in inspect.signature(call).parameters.items():
        if name in given and name in hints and given[name] is not None:
            _check(Argument(name), given[name], hints[name], parameter.default)


def _check(argument: Argument, value: Any, hint: Any, default: Any) -> None:
    notes = []
    while get_origin(hint) in (Annotated, Union, UnionType):
        notes += list(getattr(hint, "__metadata__", ()))
        hint = next(part for part in get_args(hint) if part is not NoneType)
    if get_origin(hint) is list and isinstance(value, list | tuple):
        if not value:
            raise ArgumentError(argument, " needs a value.")
        for item in value:
            _check(argument, item, get_args(hint)[0], default)
    elif get_origin(hint) is Literal and value not in get_args(hint):
        allowed = list(map(str, get_args(hint)))
        raise ArgumentError(argument, f" must be one of {', '.join(allowed)}, not {value!r}.{nearest(str(value), allowed)}")
    elif hint is bool and not isinstance(value, bool):
        raise ArgumentError(argument, f" must be True or False, not {value!r}.")
    elif hint is int:
        low = next((note.low for note in notes if isinstance(note, AtLeast)), 0 if default == 0 else 1)
        if not _whole(value) or not low <= value <= _MOST:
            raise ArgumentError(argument, f" must be a whole number from {low} to {_MOST:,}, not {value}.")
    elif hint is float and (isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf):
        raise ArgumentError(argument, f" must be a finite number of at least 0, not {value}.")


def _whole(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)
