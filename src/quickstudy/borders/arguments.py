"""Checks of simple arguments of functions and constructors; a message names the argument, its value and what is allowed."""

import math
import numbers
from typing import Any, get_args

from quickstudy.errors import UserError

__all__ = ["choice", "number", "shown", "span", "spelled", "whole"]


def whole(error: type[UserError], least: int = 1, most: int | None = None, **given: Any) -> None:
    """Refuses arguments that are not whole numbers of at least ``least`` (and at most ``most``).

    Raises:
        UserError: of the class given, for the first that is none.

    >>> from quickstudy.errors import TaskError
    >>> whole(TaskError, shots=5)
    >>> try:
    ...     whole(TaskError, ways=5, shots=2.5)
    ... except TaskError as error:
    ...     print(error)
    shots=2.5 must be a whole number of at least 1.
    """
    for name, value in given.items():
        fits = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if not fits or value < least or (most is not None and value > most):
            allowed = f"of at least {least}" if most is None else f"between {least} and {most}"
            raise error(f"{name}={shown(value)} must be a whole number {allowed}.")


def number(
    error: type[UserError],
    least: float = 0.0,
    most: float = math.inf,
    *,
    above: bool = False,
    **given: Any,
) -> None:
    """Refuses arguments that are not finite numbers in [least, most]; with ``above``, greater than ``least``.

    Raises:
        UserError: of the class given, for the first that is none.

    >>> from quickstudy.errors import LearnerError
    >>> number(LearnerError, lr=0.1)
    >>> try:
    ...     number(LearnerError, lr=float("nan"), above=True)
    ... except LearnerError as error:
    ...     print(error)
    lr=nan must be a finite number above 0.
    """
    for name, value in given.items():
        real = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
        if not real or value > most or (value <= least if above else value < least):
            low = "" if least == -math.inf else f" above {least:g}" if above else f" of at least {least:g}"
            high = "" if most == math.inf else f"{' and' if low else ''} of at most {most:g}"
            raise error(f"{name}={shown(value)} must be a finite number{low}{high}.")


def choice(error: type[UserError], allowed: Any, **given: Any) -> None:
    """Refuses arguments that are not one of ``allowed``: words, or a `Literal` type.

    Raises:
        UserError: of the class given, for the first that is none.

    >>> from quickstudy.errors import LearnerError
    >>> try:
    ...     choice(LearnerError, ("support", "batch"), norm="foo")
    ... except LearnerError as error:
    ...     print(error)
    norm='foo' must be one of 'support', 'batch'.
    """
    words = get_args(allowed) or tuple(allowed)
    for name, value in given.items():
        if not isinstance(value, str) or value not in words:
            raise error(f"{name}={shown(value)} must be one of {', '.join(map(repr, words))}.")


def span(error: type[UserError], least: int = 1, **given: Any) -> tuple[int, int]:
    """A whole number N, or a range (low, high), as a range.

    Raises:
        UserError: of the class given: neither.

    >>> from quickstudy.errors import TaskError
    >>> span(TaskError, shots=5), span(TaskError, shots=(1, 5))
    ((5, 5), (1, 5))
    """
    (name, value), *_ = given.items()
    sides = value if isinstance(value, tuple | list) else (value, value)
    fits = len(sides) == 2 and all(isinstance(side, numbers.Integral) and not isinstance(side, bool) for side in sides)
    if not fits or not least <= sides[0] <= sides[1]:
        raise error(f"{name}={shown(value)} must be a whole number of at least {least}, or a range (low, high) of them.")
    return int(sides[0]), int(sides[1])


def spelled(limits: tuple[int, int]) -> str:
    """A range as people write it.

    >>> spelled((5, 5)), spelled((1, 5))
    ('5', '1..5')
    """
    low, high = limits
    return str(low) if low == high else f"{low}..{high}"


def shown(value: Any, most: int = 60) -> str:
    """A value in a message: short, and a large object by its kind."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, str | numbers.Number | tuple | list):
        text = repr(value)
        return text if len(text) <= most else f"{text[: most - 2]} …"
    return f"a {type(value).__name__}"
