"""A blueprint is the constructor call of an object, in plain JSON, so that it can be built again without unpickling."""

import functools
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from quickstudy.errors import ArtefactError

__all__ = ["Recorded", "blueprint", "build"]


class Recorded:
    """A base class whose subclasses remember the call that made them.

    >>> class Point(Recorded):
    ...     def __init__(self, x, y=2): ...
    >>> blueprint(Point(1))
    {'class': 'Point', 'arguments': {'x': 1, 'y': 2}}
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" not in cls.__dict__:
            return
        original = cls.__init__
        signature = inspect.signature(original)

        @functools.wraps(original)
        def recording(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if type(self) is cls:
                call = signature.bind(self, *args, **kwargs)
                call.apply_defaults()
                given = dict(list(call.arguments.items())[1:])
                self.__dict__["_blueprint"] = {"class": cls.__name__, "arguments": blueprint(given)}

        cls.__init__ = recording  # type: ignore[method-assign]


def blueprint(value: Any) -> Any:
    """``value`` as JSON: plain values as they are, recorded objects and records as class and arguments.

    What cannot be written (a network of the user's own) becomes ``{"opaque": its class name}``.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [blueprint(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): blueprint(item) for key, item in value.items()}
    if isinstance(value, Recorded) and "_blueprint" in value.__dict__:
        return value.__dict__["_blueprint"]
    if is_dataclass(value) and not isinstance(value, type):
        arguments = {f.name: blueprint(getattr(value, f.name)) for f in fields(value) if f.init}
        return {"class": type(value).__name__, "arguments": arguments}
    if inspect.isfunction(value) and value.__module__.startswith("quickstudy.") and "<" not in value.__qualname__:
        return {"function": value.__name__}
    return {"opaque": type(value).__name__}


def build(plan: Any, known: Mapping[str, Any]) -> Any:
    """The object a blueprint describes; ``known`` says which classes may be built, by name.

    Raises:
        ArtefactError: the blueprint names a class that is not known, or holds an opaque part.
    """
    if isinstance(plan, list):
        return tuple(build(item, known) for item in plan)
    if not isinstance(plan, dict):
        return plan
    if "opaque" in plan:
        raise ArtefactError(
            f"the file was made from a {plan['opaque']} of your own, which quickstudy cannot rebuild. "
            "Build the learner again and pass it: load(path, like=learner)."
        )
    if set(plan) == {"function"} and plan["function"] in known:
        return known[plan["function"]]
    if set(plan) != {"class", "arguments"}:
        return {key: build(item, known) for key, item in plan.items()}
    if plan["class"] not in known:
        raise ArtefactError(f"the file asks for the class {plan['class']!r}, which this version of quickstudy does not have.")
    try:
        return known[plan["class"]](**build(plan["arguments"], known))
    except TypeError as error:
        raise ArtefactError(f"the file's call of {plan['class']} does not fit this version of quickstudy: {error}.") from error
