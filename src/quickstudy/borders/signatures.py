"""Constructors whose arguments are compared with their annotations.

One place for all learners, networks and sources, those of users too: a `Literal` must be one of its words, an `int` a whole
number, a `float` a finite one, a module a module and no class of one, a function a function. Numbers of things (``features``,
``classes``, ``shots`` …) are at least 1, numbers of steps at least 0.
"""

import collections.abc
import difflib
import functools
import inspect
import math
import numbers
import types
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from quickstudy.borders.arguments import choice, number, shown, whole
from quickstudy.errors import LearnerError, UserError

__all__ = ["accepts", "checked", "checking_constructor", "refuse_unlike"]

_THINGS = frozenset(
    {"batch", "channels", "classes", "code", "codes", "context", "dimensions", "examples", "features", "filters", "heads"}
    | {"inputs", "k", "latent", "layers", "length", "outputs", "queries", "rank", "reads", "shots", "size", "slots", "ways"}
    | {"hidden", "width", "writes"}
)
"""Last words of names of whole numbers that count things of which there must be one."""


def checking_constructor(cls: type, error: type[UserError] = LearnerError) -> None:
    """Makes the constructor that ``cls`` itself defines refuse arguments that are unlike their annotations."""
    if "__init__" in cls.__dict__:
        cls.__init__ = checked(cls.__init__, error, cls.__name__)  # type: ignore[misc]


def checked(function: Callable[..., Any], error: type[UserError], name: str) -> Callable[..., Any]:
    """``function`` (a constructor) with its arguments compared with its annotations first."""
    signature = inspect.signature(function)

    @functools.cache
    def hints() -> dict[str, Any]:
        try:
            return get_type_hints(function)
        except (NameError, TypeError):  # annotations that only a type checker can read
            return {}

    @functools.wraps(function)
    def checking(*args: Any, **kwargs: Any) -> Any:
        try:
            call = signature.bind(*args, **kwargs)
        except TypeError as wrong:
            raise error(_no_such_call(name, signature, kwargs, wrong)) from wrong
        for argument, value in call.arguments.items():
            kind = signature.parameters[argument].kind
            if argument in hints() and kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                refuse_unlike(error, name, argument, value, hints()[argument], signature.parameters[argument].default)
        return function(*args, **kwargs)

    return checking


def accepts(owner: type, argument: str, value: Any) -> bool:
    """Whether a constructor has this argument, and its annotation allows this value.

    >>> class Net:
    ...     def __init__(self, width: int) -> None: ...
    >>> accepts(Net, "width", 3), accepts(Net, "width", "wide"), accepts(Net, "depth", 3)
    (True, False, False)
    """
    if argument not in inspect.signature(owner).parameters:
        return False
    try:
        hint = get_type_hints(vars(owner).get("__init__", owner)).get(argument, Any)
    except (NameError, TypeError):  # annotations that only a type checker can read
        return True
    return _any_fits(value, hint)


def refuse_unlike(
    error: type[UserError], owner: str, argument: str, value: Any, hint: Any, default: Any = inspect.Parameter.empty
) -> None:
    """Refuses a value that is unlike its annotation; what the annotation does not restrict is accepted.

    Raises:
        UserError: of the class given.

    >>> try:
    ...     refuse_unlike(LearnerError, "MAML", "norm", "foo", Literal["support", "batch"] | None)
    ... except LearnerError as error:
    ...     print(error)
    MAML: norm='foo' must be one of 'support', 'batch'.
    """
    alternatives = [h for h in _alternatives(hint) if h is not type(None)]
    if (value is None and len(alternatives) < len(_alternatives(hint))) or any(_fits(value, h) for h in alternatives):
        hint = next((h for h in alternatives if _fits(value, h)), Any)
        _refuse_range(error, owner, argument, value, hint)
        return
    usual = "" if default is inspect.Parameter.empty or default is None else f" The default is {_default(default)}."
    name = f"{owner}: {argument}"
    if len(alternatives) == 1 and get_origin(alternatives[0]) is Literal:
        _renamed(error, owner, choice, alternatives[0], {argument: value})
    wanted = " or ".join(dict.fromkeys(_words(h) for h in alternatives))
    made = f" Build one: {value.__name__}(...)." if isinstance(value, type) else ""
    raise error(f"{name}={shown(value)} must be {wanted}.{made}{usual}")


def _refuse_range(error: type[UserError], owner: str, argument: str, value: Any, hint: Any) -> None:
    word = argument.rsplit("_", 1)[-1]
    if hint is int and (word in _THINGS or word == "steps"):
        _renamed(error, owner, functools.partial(whole, least=int(word != "steps")), None, {argument: value})
    elif hint is float and word == "lr":
        _renamed(error, owner, number, None, {argument: value})


def _renamed(error: type[UserError], owner: str, rule: Callable[..., None], allowed: Any, given: dict[str, Any]) -> None:
    """A rule's refusal, with the name of the class before it."""
    try:
        rule(error, allowed, **given) if allowed is not None else rule(error, **given)
    except UserError as refusal:
        raise error(f"{owner}: {refusal}") from None


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is as annotated, as far as that can be seen."""
    origin = get_origin(hint)
    if hint is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if origin is Literal:
        return any(type(value) is type(word) and value == word for word in get_args(hint))
    if origin is collections.abc.Callable:
        return callable(value)
    if origin is tuple:
        return isinstance(value, tuple | list) and _parts_fit(value, get_args(hint))
    if origin in (collections.abc.Sequence, collections.abc.Iterable, list):
        each = get_args(hint)[0]
        return (
            isinstance(value, collections.abc.Iterable)
            and not isinstance(value, str)
            and (not isinstance(value, collections.abc.Sized) or all(_any_fits(item, each) for item in value))
        )
    if isinstance(origin, type):
        return isinstance(value, origin)
    if getattr(hint, "_is_protocol", False):  # what it has is seen when it is used; a word or a number has nothing
        return not isinstance(value, str | numbers.Number | None)
    if hint is Any or not isinstance(hint, type):  # Any is a class, of which nothing may be asked
        return True
    return isinstance(value, hint)


def _parts_fit(value: Any, hints: tuple[Any, ...]) -> bool:
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = (hints[0],) * len(value)
    return len(value) == len(hints) and all(_any_fits(item, hint) for item, hint in zip(value, hints, strict=True))


def _any_fits(value: Any, hint: Any) -> bool:
    return any(_fits(value, alternative) for alternative in _alternatives(hint))


def _words(hint: Any) -> str:
    """An annotation, for people."""
    origin = get_origin(hint)
    plain = {int: "a whole number", float: "a finite number", bool: "True or False", str: "a text"}
    if hint in plain:
        return plain[hint]
    if origin is Literal:
        return f"one of {', '.join(map(repr, get_args(hint)))}"
    if origin is collections.abc.Callable:
        return "a function"
    if origin is tuple and Ellipsis not in get_args(hint):
        return f"a tuple ({', '.join(_words(part) for part in get_args(hint))})"
    if origin in (collections.abc.Sequence, collections.abc.Iterable, list, tuple):
        return f"a list or tuple, each item {_words(get_args(hint)[0])}"
    name = getattr(origin or hint, "__name__", str(hint))
    return f"an object of the class {name}"


def _default(value: Any) -> str:
    return str(getattr(value, "__name__", None) or repr(value))


def _no_such_call(name: str, signature: inspect.Signature, given: dict[str, Any], wrong: TypeError) -> str:
    known = [argument for argument in signature.parameters if argument != "self"]
    unknown = next((argument for argument in given if argument not in known), None)
    takes = f"It takes: {', '.join(known)}." if known else "It takes none."
    if unknown is None:
        return f"{name}: {wrong}. {takes}"
    near = difflib.get_close_matches(unknown, known, 1)
    return f"{name} has no argument {unknown}. {f'Did you mean {near[0]}? ' if near else ''}{takes}"
