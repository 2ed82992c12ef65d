"""A recipe's arguments: records that several recipes share are flattened, published settings are presets."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_type_hints

from quickstudy.recipes.parts.checked import check_arguments
from quickstudy.recipes.parts.recipe import Recipe

__all__ = ["Presets", "presets_of", "recipe", "resolved", "section_of"]

Presets = Mapping[str, Mapping[str, Any]]
"""Settings by name. One that is named as a data set is what that data set implies."""

_PRESET = "published settings to begin with; those of the data, if there are such, unless this is none."


def recipe(presets: Presets | None = None) -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Makes a function of records and plain arguments a recipe of plain arguments alone.

    A record is a frozen dataclass; its fields become arguments, with the values of the record's default for defaults. What the
    signature rules out is refused before anything is done, see `checked`.

    Args:
        presets: settings by name; what is given in a call goes before them.

    Raises:
        ArgumentError: an argument has a value that it cannot have.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Outer:
    ...     '''Of the outer loop.
    ...
    ...     Args:
    ...         steps: outer steps.
    ...     '''
    ...     steps: int = 100
    >>> @recipe({"omniglot": {"data": "omniglot", "steps": 4000}})
    ... def mine(*, data: str = "glyphs", outer: Outer = Outer(steps=50)):
    ...     return data, outer.steps
    >>> mine(), mine(steps=9), mine(data="omniglot"), mine(preset="omniglot", steps=9)
    (('glyphs', 50), ('glyphs', 9), ('omniglot', 4000), ('omniglot', 9))
    """
    known = dict(presets or {})

    def decorated(call: Callable[..., Recipe]) -> Callable[..., Recipe]:
        hints = get_type_hints(call, include_extras=True)
        own = inspect.signature(call).parameters
        flat = [p for name in own for p in _flat(name, hints[name], own[name].default)]
        if known:
            names = Literal[(*known, "none")]  # type: ignore[valid-type]
            flat.append(_keyword("preset", names | None, None))

        @functools.wraps(call)
        def flattened(**given: Any) -> Recipe:
            signature.bind(**given)
            check_arguments(flattened, given)
            values = resolved(flattened, given)
            return call(**{name: _grouped(hints[name], name, values) for name in own})

        signature = inspect.Signature(flat)
        del flattened.__wrapped__
        flattened.__dict__.update(__signature__=signature, presets=known, sections=_sections(hints, own))
        flattened.__annotations__ = {p.name: p.annotation for p in flat} | {"return": Recipe}
        flattened.__doc__ = _documented(call, [hints[name] for name in own], bool(known))
        return flattened

    return decorated


def presets_of(call: Callable[..., Any]) -> Presets:
    """The presets of a recipe; none of a plain function."""
    found: Presets = getattr(call, "presets", {})
    return found


def section_of(call: Callable[..., Any], name: str) -> str | None:
    """The title under which an argument is shown; None for the recipe's own arguments."""
    sections: Mapping[str, str] = getattr(call, "sections", {})
    return sections.get(name)


def resolved(call: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a recipe, where some are given: defaults, then a preset's, then those given.

    >>> def plain(*, steps: int = 10, lr: float = 0.1): ...
    >>> resolved(plain, {"lr": 0.2})
    {'steps': 10, 'lr': 0.2}
    """
    parameters = inspect.signature(call).parameters
    values = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    known = presets_of(call)
    name = given.get("preset") or given.get("data", values.get("data"))
    preset = known.get(str(name), {})
    found = values | dict(preset) | dict(given)
    return found | ({"preset": str(name) if name in known else "none"} if known else {})


def _flat(name: str, hint: Any, default: Any) -> list[inspect.Parameter]:
    if not is_dataclass(hint):
        return [_keyword(name, hint, default)]
    inside = get_type_hints(hint, include_extras=True)
    return [p for field in fields(hint) for p in _flat(field.name, inside[field.name], getattr(default, field.name))]


def _keyword(name: str, hint: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)


def _grouped(hint: Any, name: str, values: Mapping[str, Any]) -> Any:
    if not isinstance(hint, type) or not is_dataclass(hint):
        return tuple(values[name]) if isinstance(values[name], list) else values[name]
    inside = get_type_hints(hint, include_extras=True)
    return hint(**{field.name: _grouped(inside[field.name], field.name, values) for field in fields(hint)})


def _sections(hints: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in own:
        if is_dataclass(hints[name]):
            title = (inspect.getdoc(hints[name]) or "").splitlines()[0].rstrip(".")
            found |= {p.name: title for p in _flat(name, hints[name], own[name].default)}
    return found


def _documented(call: Callable[..., Any], hints: list[Any], has_presets: bool) -> str:
    """The recipe's own docstring, with the arguments of its records after its own."""
    text = inspect.getdoc(call) or ""
    before, args, after = text.partition("\nArgs:\n")
    said = [line for hint in hints for line in _said(hint)] + ([f"    preset: {_PRESET}"] if has_presets else [])
    own, gap, rest = after.partition("\n\n")
    lines = [*([own] if args else []), *said]
    return f"{before}\nArgs:\n" + "\n".join(lines) + (gap + rest if rest else "\n") if lines else text


def _said(hint: Any) -> list[str]:
    """What a record's docstring says of its fields, records inside of it too."""
    if not isinstance(hint, type) or not is_dataclass(hint):
        return []
    inside = get_type_hints(hint)
    nested = [line for field in fields(hint) for line in _said(inside[field.name])]
    found = re.search(r"^Args:\n((?:    .*\n?)+)", inspect.getdoc(hint) or "", re.MULTILINE)
    records = [field.name for field in fields(hint) if is_dataclass(inside[field.name])]
    lines = found[1].rstrip("\n").split("\n") if found else []
    return [line for line in lines if not any(line.startswith(f"    {name}:") for name in records)] + nested
