"""A blueprint is the constructor call of an object, in plain JSON, so that it can be built again without unpickling."""

import functools
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import nn

from quickstudy.borders.signatures import checked
from quickstudy.errors import ArtefactError, LearnerError, MissingExtra, UserError
from quickstudy.storage.stock import STOCK, is_like, stock_arguments

__all__ = ["Recorded", "blueprint", "build"]

_OURS = "quickstudy."
_LIKE = "Build the learner again and pass it: load(path, like=learner)."
_MISSING = "this version of quickstudy does not have. If it is your own:"


class Recorded:
    """A base class whose subclasses remember the call that made them, and refuse arguments unlike their annotations.

    >>> class Point(Recorded):
    ...     def __init__(self, x, y=2): ...
    >>> class Corner(Point): ...
    >>> blueprint(Point(1)), blueprint(Corner(3))["class"]
    ({'class': 'Point', 'arguments': {'x': 1, 'y': 2}}, 'Corner')
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" not in cls.__dict__:
            return
        original = checked(cls.__init__, LearnerError, cls.__name__)
        signature = inspect.signature(original)

        @functools.wraps(original)
        def recording(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if type(self).__init__ is recording:  # the class itself, or one that inherits this constructor
                call = signature.bind(self, *args, **kwargs)
                call.apply_defaults()
                given = dict(list(call.arguments.items())[1:])
                self.__dict__["_blueprint"] = _call(type(self), given)

        cls.__init__ = recording  # type: ignore[method-assign]


def blueprint(value: Any) -> Any:
    """``value`` as JSON: plain values as they are, recorded objects and records as class and arguments.

    A plain ``nn.Sequential`` of parts that can be written, and PyTorch's usual layers (`storage.stock`), are written too. What
    cannot be (a network of the user's own) becomes ``{"opaque": its class name}``; a class of the user's own that
    remembers its call says under ``of`` where it is defined, so that it is not taken for one of ours of the same name.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [blueprint(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"mapping": {key: blueprint(item) for key, item in value.items()}}
    if isinstance(value, Recorded) and "_blueprint" in value.__dict__:
        return value.__dict__["_blueprint"]
    if (
        type(value) is nn.Sequential
        and is_like(value, nn.Sequential())
        and list(value._modules) == [str(place) for place in range(len(value))]
    ):
        return {"sequence": [blueprint(part) for part in value]}
    if isinstance(value, nn.Module) and (layer := stock_arguments(value)) is not None:
        return {"layer": type(value).__name__, "arguments": {name: blueprint(item) for name, item in layer.items()}}
    if is_dataclass(value) and not isinstance(value, type):
        return _call(type(value), {f.name: getattr(value, f.name) for f in fields(value) if f.init})
    if inspect.isfunction(value) and value.__module__.startswith(_OURS) and "<" not in value.__qualname__:
        return {"function": value.__name__}
    return {"opaque": type(value).__name__}


def _call(cls: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    own = {} if cls.__module__.startswith(_OURS) else {"of": cls.__module__}
    return {"class": cls.__name__, "arguments": {name: blueprint(value) for name, value in arguments.items()}} | own


def build(plan: Any, known: Mapping[str, Any]) -> Any:
    """The object a blueprint describes; ``known`` lists the classes and functions that may be used, by name.

    Raises:
        ArtefactError: the blueprint names a class or function that is not known, holds an opaque part, or is none at all.
        MissingExtra: a pretrained backbone's package is not installed.
    """
    if isinstance(plan, list):
        return tuple(build(item, known) for item in plan)
    if not isinstance(plan, dict):
        return plan
    match plan:
        case {"opaque": name}:
            article = "an" if str(name)[:1] in "AEIOU" else "a"
            raise ArtefactError(f"the file was made from {article} {name} of your own, which quickstudy cannot rebuild. {_LIKE}")
        case {"class": str(name), "arguments": dict(), "of": where}:
            raise ArtefactError(f"the file was made from the class {name} of your own (in {where}). {_LIKE}")
        case {"sequence": list(parts)} if len(plan) == 1:
            return _sequence([build(part, known) for part in parts])
        case {"layer": str(name), "arguments": dict(arguments)} if len(plan) == 2:
            return _called(name, {key: build(item, known) for key, item in arguments.items()}, STOCK)
        case {"linear": {"in_features": int(), "out_features": int(), "bias": bool()} as sizes} if len(plan) == 1:  # before 0.2
            return _called("Linear", sizes, STOCK)
        case {"mapping": dict(items)} if len(plan) == 1:
            return {key: build(item, known) for key, item in items.items()}
        case {"function": str(name)} if len(plan) == 1:
            if not inspect.isfunction(known.get(name)):
                raise ArtefactError(f"the file names the function {name!r}, which {_MISSING} {_LIKE[0].lower()}{_LIKE[1:]}")
            return known[name]
        case {"class": str(name), "arguments": dict(arguments)} if len(plan) == 2:
            return _called(name, {key: build(item, known) for key, item in arguments.items()}, known)
    raise ArtefactError(f"the file's description of a learner cannot be read at {str(plan)[:60]!r}. It was altered: use a copy.")


def _sequence(parts: list[Any]) -> nn.Sequential:
    if not all(isinstance(part, nn.Module) for part in parts):
        raise ArtefactError("the file's description of a learner has a part that is no module. It was altered: use a copy.")
    return nn.Sequential(*parts)


def _called(name: str, arguments: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if not isinstance(known.get(name), type):
        raise ArtefactError(f"the file names the class {name!r}, which {_MISSING} {_LIKE[0].lower()}{_LIKE[1:]}")
    try:
        return known[name](**arguments)
    except (ArtefactError, MissingExtra):
        raise
    except UserError as error:
        raise ArtefactError(f"the file's call of {name} does not fit this version of quickstudy: {error}") from error
    except Exception as error:  # whatever a constructor makes of the arguments of another version, or of an altered file
        raise ArtefactError(f"the file's call of {name} does not fit this version of quickstudy: {error!r}.") from error
