"""The range of a recipe's argument in tuning: an annotation in its signature, or a text such as ``lr=1e-4..1e-2``."""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from quickstudy.errors import Argument, RunError, nearest

__all__ = ["Around", "Choice", "Linear", "Log", "Space", "narrowed", "spaces"]


@dataclass(frozen=True)
class Linear:
    """Numbers from ``low`` to ``high``, both included; whole numbers for an argument that is an int.

    Raises:
        RunError: bounds that are not finite, or not in order.

    >>> Linear(0.0, 0.5)
    Linear(low=0.0, high=0.5)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise RunError(f"a space from {self.low} to {self.high} leaves nothing to choose from. Give a low and a high bound.")

    def __str__(self) -> str:
        return f"{self.low:.4g} to {self.high:.4g}"

    def to_json(self) -> dict[str, Any]:
        """The bounds, and whether they are taken by ratio."""
        return {"low": self.low, "high": self.high, "by_ratio": isinstance(self, Log)}

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Log(Linear):
    """Numbers from ``low`` to ``high`` whose logarithm is even: 1e-4 to 1e-3 is as likely as 1e-3 to 1e-2.

    Raises:
        RunError: bounds that are not finite, not in order, or not positive.

    >>> print(Log(1e-4, 1e-1))
    0.0001 to 0.1, by ratio
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise RunError(f"a logarithmic range cannot begin at {self.low}. Give a lower bound above 0.")

    def __str__(self) -> str:
        return f"{super().__str__()}, by ratio"


@dataclass(frozen=True)
class Choice:
    """One of some values, which have no order.

    Raises:
        RunError: fewer than two values.

    >>> print(Choice((False, True)))
    False or True
    """

    values: tuple[str | int | float | bool, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2:
            raise RunError(f"{self.values} leaves nothing to choose from. Give two or more different values.")

    def __str__(self) -> str:
        return " or ".join(map(str, self.values))

    def to_json(self) -> dict[str, Any]:
        """The values."""
        return {"values": list(self.values)}

    def __contains__(self, value: Any) -> bool:
        return value in self.values


@dataclass(frozen=True)
class Around:
    """From a ``factor``-th of the argument's own value to ``factor`` times it, by ratio.

    >>> Around(10).of(2e-3)
    Log(low=0.0002, high=0.02)
    """

    factor: float

    def of(self, value: float) -> Log:
        """The space around a value."""
        return Log(value / self.factor, value * self.factor)


Space = Linear | Log | Choice


def spaces(recipe: Callable[..., Any], values: Mapping[str, Any] | None = None) -> dict[str, Space]:
    """The annotated arguments of a recipe and their spaces; bounds have the argument's type.

    Args:
        recipe: whose signature is annotated.
        values: of arguments, where they are other than the signature's: spaces that lie around a value follow it.

    >>> from typing import Annotated
    >>> def recipe(*, ways: int = 5, lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-3): ...
    >>> spaces(recipe)
    {'lr': Log(low=0.0001, high=0.1)}
    """
    found: dict[str, Space] = {}
    for name, hint in get_type_hints(recipe, include_extras=True).items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Around):
                value = (values or {}).get(name, inspect.signature(recipe).parameters[name].default)
                found[name] = _typed(note.of(value), _type_of(recipe, name))
            if isinstance(note, Linear | Choice):
                found[name] = _typed(note, _type_of(recipe, name))
    return found


def narrowed(recipe: Callable[..., Any], words: Iterable[str]) -> dict[str, Space]:
    """Spaces as a person writes them: ``lr=1e-4..1e-2``, ``first_order=true|false``.

    A range keeps the scale of the recipe's annotation; an argument that has none is taken by ratio if it spans a factor of ten.

    Raises:
        RunError: no such argument, or no space to be read.

    >>> from typing import Annotated
    >>> def recipe(*, flat: bool = False, lr: Annotated[float, Log(1e-4, 1e-1)] = 1e-3): ...
    >>> narrowed(recipe, ["lr=1e-4..1e-2", "flat=true|false"])
    {'lr': Log(low=0.0001, high=0.01), 'flat': Choice(values=(True, False))}
    """
    known, found = spaces(recipe), {}
    for text in words:
        name, _, span = text.partition("=")
        name = name.strip().replace("-", "_")
        low, dots, high = span.partition("..")
        if name not in inspect.signature(recipe).parameters:
            raise RunError(
                f"the recipe {recipe.__name__} has no argument {name}.{nearest(name, known)} It can tune {_listed(known)}."
            )
        kind = _type_of(recipe, name)
        if dots:
            found[name] = _ranged(known.get(name), _value(low, kind, text), _value(high, kind, text))
        elif "|" in span:
            found[name] = Choice(tuple(_value(part, kind, text) for part in span.split("|")))
        else:
            raise RunError(Argument("space"), f" {text}: write it as {name}=LOW..HIGH, or {name}=THIS|THAT.")
    return found


def _ranged(known: Space | None, low: Any, high: Any) -> Space:
    if isinstance(low, bool | str):
        raise RunError(f"{low}..{high} is no range of numbers. Name the values: {low}|{high}.")
    if isinstance(known, Linear):
        return replace(known, low=low, high=high)
    return Log(low, high) if low > 0 and high >= 10 * low else Linear(low, high)


def _type_of(recipe: Callable[..., Any], name: str) -> Any:
    """The type of an argument, without notes and None; that of its default where it is not annotated."""
    hint = get_type_hints(recipe).get(name)
    if get_origin(hint) in (Union, UnionType):
        hint = next(part for part in get_args(hint) if part is not NoneType)
    return type(inspect.signature(recipe).parameters[name].default) if hint is None else hint


def _typed(space: Space, kind: Any) -> Space:
    """Bounds as float or int, whichever the argument is."""
    if isinstance(space, Choice) or kind not in (int, float):
        return space
    return replace(space, low=kind(space.low), high=kind(space.high))


def _value(text: str, kind: Any, where: str) -> Any:
    """A word as a value of an argument's type."""
    text = text.strip()
    if kind is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind is not bool and kind in (int, float):
        try:
            return kind(text)
        except ValueError as error:
            raise RunError(Argument("space"), f" {where}: {text!r} is no {kind.__name__}.") from error
    if kind is bool:
        raise RunError(Argument("space"), f" {where}: {text!r} is neither true nor false.")
    return text


def _listed(known: Mapping[str, Space]) -> str:
    return ", ".join(known) or "none"
