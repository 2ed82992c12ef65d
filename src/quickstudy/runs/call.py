"""A run's call: the recipe's name, its arguments and the seed, as the run's folder records them."""

import inspect
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from quickstudy.errors import ArtefactError, RunError
from quickstudy.storage.files import read_json

__all__ = ["check_arguments", "check_seed", "described", "recorded_call"]

_KINDS: dict[str, type] = {"recipe": str, "arguments": dict, "seed": int, "versions": dict}
_LATER: dict[str, type] = {"resolved": dict, "data": str, "code": str, "changed": list}


def recorded_call(folder: Path) -> dict[str, Any] | None:
    """What ``run.json`` in a folder says; None where there is none.

    Raises:
        RunError: it cannot be read, or is no record of a run.
    """
    path = folder / "run.json"
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    try:
        found = read_json(path)
        call = {key: found[key] for key in _KINDS}
        call |= {key: found[key] for key in _LATER if key in found}
        wrong = [f"{key} is {value!r}" for key, value in call.items() if type(value) is not (_KINDS | _LATER)[key]]
        if wrong or not all(isinstance(word, str) for word in call["versions"].values()):
            raise TypeError((wrong or ["its versions are no texts"])[0])
    except (ArtefactError, ArithmeticError, ValueError, LookupError, TypeError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else error
        raise RunError(f"{path} is damaged ({why}). Put a copy back, or start a new run in another folder.") from error
    return call


def check_seed(seed: Any) -> None:
    """Whether a seed is an integer of 64 bits.

    Raises:
        RunError: it is not.
    """
    if type(seed) is not int or not -(2**63) <= seed < 2**64:
        raise RunError(f"seed={seed!r} must be a whole number of at most 64 bits.")


def check_arguments(name: str, recipe: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Whether arguments are such as the recipe's signature names.

    Raises:
        RunError: the recipe has no such argument, or takes values of another kind.

    >>> def recipe(*, steps: int = 10, lr: float = 1e-3): ...
    >>> check_arguments("mine", recipe, {"steps": 2.5})
    Traceback (most recent call last):
    quickstudy.errors.RunError: steps=2.5: the recipe mine takes a value of type int there.
    """
    parameters = inspect.signature(recipe).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    unknown = sorted(set(arguments) - set(parameters))
    if unknown:
        raise RunError(f"the recipe {name} has no argument {', '.join(unknown)}. It has: {', '.join(parameters)}.")
    for key, value in arguments.items():
        hint = parameters[key].annotation
        if not _fits(value, hint):
            raise RunError(f"{key}={value!r}: the recipe {name} takes a value of type {_word(hint)} there.")


def _fits(value: Any, hint: Any) -> bool:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, inside[0])
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inside)
    if origin is Literal:
        return any(value == each and type(value) is type(each) for each in inside)
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and all(_fits(item, inside[0]) for item in value if inside)
    plain: dict[Any, tuple[type, ...]] = {int: (int,), float: (float, int), bool: (bool,), str: (str,), None: (type(None),)}
    plain |= {type(None): (type(None),), Path: (str,)}
    return hint not in plain or type(value) in plain[hint] or (hint is Path and isinstance(value, Path))


def _word(hint: Any) -> str:
    return _word(get_args(hint)[0]) if get_origin(hint) is Annotated else getattr(hint, "__name__", str(hint))


def described(call: Mapping[str, Any]) -> str:
    """A call in words."""
    arguments = ", ".join(f"{name}={value}" for name, value in call["arguments"].items())
    return f"{call['recipe']}({arguments}) with seed {call['seed']}"
