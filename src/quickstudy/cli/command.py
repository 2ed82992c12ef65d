"""The checks that every command makes before it begins: whole numbers, ranges of values, valid paths."""

import errno
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar, Union, get_args, get_origin

from cyclopts import Parameter, Token, convert

from quickstudy.errors import Argument, ArgumentError
from quickstudy.recipes.parts.checked import check_arguments
from quickstudy.storage.own_code import trusting
from quickstudy.tasks.open_data import Reading

__all__ = ["READING", "command", "may_run_code", "spelled"]

_P = ParamSpec("_P")
R = TypeVar("R")

READING: TypeAlias = Annotated[Reading, Parameter(name="*", negative=())]
"""How data of one's own is read: each field is a flag."""

_NO_PATH = (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL, errno.EILSEQ)
_SAME = {"folder": "out", "on_error": "skip_broken", "trust": "trust_code", "adaptation": "with_adaptation"} | {
    role: f"{role}_column" for role in ("text", "image", "task", "group", "time", "split")
}
"""Arguments of functions behind commands which have a flag of another name."""


def command(call: Callable[_P, R]) -> Callable[_P, R]:
    """A function as a command: its arguments are checked before it begins, and 2.5 is no whole number.

    Raises:
        ArgumentError: an argument has a value that it cannot have.
    """
    signature = inspect.signature(call)

    @functools.wraps(call)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> R:
        given = signature.bind(*args, **kwargs).arguments
        check_arguments(call, given)
        for name, value in given.items():
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, Path):
                    _check_path(Argument(name), path)
        return call(*args, **kwargs)

    shown = [p.replace(annotation=_read(p.annotation)) for p in signature.parameters.values()]
    guarded.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    guarded.__annotations__ = {p.name: p.annotation for p in shown}
    return guarded


def may_run_code(call: Callable[..., R]) -> Callable[..., R]:
    """A command that opens runs, whose recipe, data or backbone may be in files of one's own: it gains --trust-code."""
    help_ = "Run code in files that the run names although they are not on your list of trusted files, and put them there."
    flag = inspect.Parameter(
        "trust_code",
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[bool, Parameter(help=help_, negative=())],
        default=False,
    )
    signature = inspect.signature(call)

    @functools.wraps(call)
    def guarded(*args: Any, trust_code: bool = False, **kwargs: Any) -> R:
        with trusting(trust_code):
            return call(*args, **kwargs)

    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    guarded.__signature__ = signature.replace(parameters=[*own, flag])  # type: ignore[attr-defined]
    guarded.__annotations__ = {p.name: p.annotation for p in [*own, flag]}
    return guarded


def _check_path(argument: Argument, path: Path) -> None:
    try:
        path.stat()
    except OSError as error:
        if error.errno in _NO_PATH:
            short = str(path) if len(str(path)) < 80 else f"{str(path)[:60]}…"
            raise ArgumentError(argument, f" cannot be {short}: {error.strerror}.") from error


def _read(annotation: Any) -> Any:
    """An annotation that refuses 2.5 for a whole number, which would be rounded otherwise."""
    return Annotated[annotation, Parameter(converter=_whole)] if int in _inside(annotation) else annotation


def _inside(annotation: Any) -> set[Any]:
    if get_origin(annotation) in (Annotated, Union, UnionType, list):
        return set().union(*map(_inside, get_args(annotation)))
    return {annotation} if isinstance(annotation, type) else set()


def _whole(type_: Any, tokens: Sequence[Token]) -> Any:
    for token in tokens:
        if not re.fullmatch(r"[+-]?\d+(_\d+)*", token.value):
            raise ValueError(f"{token.value!r} is no whole number")
    return convert(type_, [token.value for token in tokens])


def spelled(call: Callable[..., Any], given: Mapping[str, Any]) -> Callable[[Argument], str]:
    """How a command spells the arguments that an error names: by the flag that had this value, or else by the flag of this name.

    Args:
        call: the command.
        given: the arguments it was called with.
    """
    flags = {name.strip("_"): (name, parameter) for name, parameter in inspect.signature(call).parameters.items()}
    given = dict(given)
    for parameter in inspect.signature(call).parameters.values():  # the fields of a record are flags as well
        kind = next((kind for kind in _inside(parameter.annotation) if is_dataclass(kind)), None)
        for field in fields(kind) if kind is not None else ():
            flags.setdefault(field.name, (field.name, inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY)))
            given.setdefault(field.name, getattr(given.get(parameter.name), field.name, None))

    def spell(argument: Argument) -> str:
        name = argument.name if argument.name in flags else _SAME.get(argument.name, argument.name)
        likely = [flag for flag in flags if flag.endswith(f"_{argument.name}") and argument.value is not None]
        for candidate in (name, *likely):
            if candidate in flags and _holds(given.get(flags[candidate][0]), argument.value):
                name = candidate
                break
        if name not in flags:
            return str(argument)
        flag = _flag(*flags[name])
        plain = argument.value is None or isinstance(argument.value, bool) or argument.name in _SAME
        return flag if plain else f"{flag} {argument.value}"

    return spell


def _holds(given: Any, value: Any) -> bool:
    return value is not None and (given == value or (isinstance(given, list | tuple) and value in given))


def _flag(name: str, parameter: inspect.Parameter) -> str:
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        return name.strip("_").upper().replace("_", "-")
    named = [n for note in getattr(parameter.annotation, "__metadata__", ()) for n in getattr(note, "name", None) or ()]
    return str(named[0]) if named else "--" + name.strip("_").replace("_", "-")
